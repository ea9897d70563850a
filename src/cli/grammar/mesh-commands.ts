// Commands on a mesh: tokens, requests to join, its state, and its audit log.

import { type Command, Option } from "commander";
import { duration, positive, repeated } from "./option-values.js";

/** Adds `herd token …`. */
export function addToken(herd: Command): void {
  const token = herd.command("token").description("create, list and revoke tokens");
  const load = () => import("../token.js");
  token
    .command("create")
    .description("issue a token and print it")
    .addOption(
      new Option("--role <role>", "what the token allows")
        .choices(["join", "invoke", "deploy", "admin"])
        .makeOptionMandatory(),
    )
    .option("--app <app>", "allow this app only")
    .option("--node <name>", "only name that a node may join under (join)")
    .option("--ttl <duration>", "lifetime, such as 90s, 30m, 24h or 7d (default: 24h; 5m for join)", duration)
    .option("--uses <count>", "nodes that may join with it (join; default: 1)", positive)
    .option("--master", "nodes that join become masters (join)")
    .option("--no-deploy", "nodes that join may not deploy (join)")
    .option(
      "--host <host>",
      "host name or address that the certificate of a node may carry (join); can be repeated",
      repeated,
    )
    .action(async (_options, command: Command) => (await load()).createToken(command.optsWithGlobals()));
  token
    .command("list")
    .description("list the tokens that are valid")
    .action(async (_options, command: Command) => (await load()).listTokens(command.optsWithGlobals()));
  token
    .command("revoke")
    .argument("<id>")
    .description("revoke a token for good, on every node")
    .action(async (id: string, _options, command: Command) =>
      (await load()).revokeToken(id, command.optsWithGlobals()),
    );
}

/** Adds `herd join …`. */
export function addJoin(herd: Command): void {
  const join = herd.command("join").description("list, approve and reject requests to join without a token");
  const load = () => import("../join.js");
  join
    .command("list")
    .description("list the requests that wait for a person, with the code that the joining node shows")
    .action(async (_options, command: Command) => (await load()).listJoins(command.optsWithGlobals()));
  join
    .command("approve")
    .argument("<id>")
    .description("let a node in: compare the codes of both sides first")
    .option("--no-deploy", "the node may not deploy")
    .option(
      "--host <host>",
      "host name or address for its certificate, instead of those it requested; can be repeated",
      repeated,
    )
    .action(async (id: string, _options, command: Command) =>
      (await load()).approveJoin(id, command.optsWithGlobals()),
    );
  join
    .command("reject")
    .argument("<id>")
    .description("reject the request of a node")
    .action(async (id: string, _options, command: Command) => (await load()).rejectJoin(id, command.optsWithGlobals()));
}

/** Help on the columns of `herd mesh status` whose names do not explain them. */
const statusColumns = `
OWNER    what the owner of the machine allows: herd node policy there explains it
LOOP     delay of the node's event loop
SLOTS    workers that calls may use now
UNITS/S  work units a second of all workers; one worker of the reference machine makes 1000
PACE     speed now relative to UNITS/S: at 0.5 a call takes twice as long as measured
WEIGHT   preference in a choice: UNITS/S x PACE x share of slots, less with errors and after
         an ejection or a first contact; at 0 the node gets no calls`;

/** Adds `herd mesh …`. */
export function addMesh(herd: Command): void {
  const mesh = herd.command("mesh").description("show the mesh as one node sees it");
  mesh
    .command("status")
    .description("list the peers of the node, with their load and round-trip time")
    .addHelpText("after", statusColumns)
    .action(async (_options, command: Command) => (await import("../mesh.js")).meshStatus(command.optsWithGlobals()));
  mesh
    .command("why")
    .argument("<invocation>", "id of the call: the header herd-invocation of an answer of that node")
    .description(
      "explain why a call ran where it ran: one of the last 1000 calls for which the node had peers to choose from",
    )
    .action(async (invocation: string, _options, command: Command) =>
      (await import("../mesh-why.js")).meshWhy(invocation, command.optsWithGlobals()),
    );
}

/** Adds `herd audit …`. */
export function addAudit(herd: Command): void {
  const audit = herd.command("audit").description("list and prove the audit log of the mesh");
  audit
    .command("list")
    .description("list the newest records of the audit log")
    .option("--event <event>", "list only records of this event, such as node.revoked")
    .option("--limit <count>", "list at most this many records (default: 1000)", positive)
    .action(async (_options, command: Command) => (await import("../audit.js")).listAudit(command.optsWithGlobals()));
  audit
    .command("verify")
    .argument("[file]", "file that --save wrote (default: ask the node)")
    .description("verify the audit log on this machine; exit code 1 when a record was changed, dropped or forged")
    .option("--save <file>", "write the log of the node to a file, to verify it later")
    .action(async (file: string | undefined, _options, command: Command) =>
      (await import("../audit-verify.js")).verifyAuditLog(file, command.optsWithGlobals()),
    );
}
