#!/usr/bin/env node
// The `herd` command: its grammar. Each command's code is loaded only when it runs.

import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { GlobalOptions } from "../client/connection.js";
import { printVersion } from "./version.js";

/** Exit codes of the contract. */
const failed = 1;
const wrongUsage = 2;

function program(argv: readonly string[]): Command {
  const herd = new Command("herd")
    .description("Runs a Wasmherd node, and deploys and calls functions on it.")
    .option("--url <url>", "address of a node, instead of what the state directory says")
    .option("--token <token>", "token to send, or @FILE that holds it")
    .option("--ca <file>", "root certificate to trust")
    .option("--state <dir>", "state directory (default: $HERD_STATE, else .herd)")
    .option("--json", "print one JSON value")
    .option("-V, --version", "print the version")
    .showHelpAfterError("(herd --help, or herd COMMAND --help, tells more)")
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "herd: ")) })
    .exitOverride();
  // The parser emits this before it has read a `--json` that follows.
  herd.on("option:version", () => {
    printVersion({ json: argv.includes("--json") });
    throw new CommanderError(0, "commander.version", "the version is printed");
  });
  addUp(herd);
  addDeploy(herd);
  addInvoke(herd);
  addApp(herd);
  addLogs(herd);
  addToken(herd);
  addJoin(herd);
  addNode(herd);
  addPause(herd);
  addMesh(herd);
  addAudit(herd);
  addDoctor(herd);
  addBench(herd);
  return herd;
}

function addUp(herd: Command): void {
  herd
    .command("up")
    .description("run a node in the foreground; without an identity it joins a mesh, or founds one")
    .option("--name <name>", "name of the node (default: the host name)")
    .option("--host <host>", "what to bind (default: localhost)")
    .option(
      "--advertise <host>",
      "what others dial and URLs print; needed when --host is a wildcard; auto: this machine's only address",
    )
    .option("--port <port>", "HTTPS port, 0 for a free one (default: 8443)")
    .option("--peer-port <port>", "port for peers (default: the one after --port)")
    .option("--domain <domain>", "domain that a new root may vouch for; can be repeated", repeated)
    .option("--join <url>", "node of a mesh to join, with --token TOKEN or a person's approval there")
    .option("--no-deploy", "join as a node that never deploys")
    .option("--root-passphrase-file <file>", "encrypt the root's key under this passphrase too; needed to make masters")
    .option("--workers <count>", "threads that run functions")
    .option("--functions <dir>", "deploy each file and folder of this one as an app")
    .option("--ephemeral", "keep identity and apps in memory only")
    .option("--container", "run the node in a container, with the outer wall around it; needs Docker Engine")
    .option("--config <file>", "settings as JSON")
    .action(async (options, command: Command) => {
      (await import("../server/connections/parser-limits.js")).allowWholeHeads();
      if (options.container === true)
        await (await import("./container/up.js")).upInContainer(command.optsWithGlobals());
      else await (await import("./up.js")).up(command.optsWithGlobals());
    });
}

function addDeploy(herd: Command): void {
  herd
    .command("deploy")
    .argument("<path>", "a source file, or a folder with an index.ts or only one file")
    .description("compile and deploy; prints the functions and their endpoints")
    .option("--name <app>", "name of the app (default: the file's or folder's)")
    .option("--public", "calls need no token")
    .option("--no-public", "calls need a token")
    .option("--watch", "deploy again at each change")
    .action(async (path: string, _options, command: Command) =>
      (await import("./deploy.js")).deploy(path, command.optsWithGlobals()),
    );
}

function addInvoke(herd: Command): void {
  herd
    .command("invoke")
    .argument("<app/function>", "what to call", functionPath)
    .argument(
      "[json]",
      "an object of named arguments, or an array by position; - reads it from stdin, @FILE from a file",
    )
    .description("call a function; prints its result")
    .option("--node-info", "tell on stderr which node answered, and where the time went")
    .action(async (target: FunctionPath, json: string | undefined, _options, command: Command) =>
      (await import("./invoke.js")).invoke({ ...target, json }, command.optsWithGlobals()),
    );
}

function addApp(herd: Command): void {
  const app = herd.command("app").description("list, show, remove and roll back apps");
  const load = () => import("./app.js");
  app
    .command("list")
    .description("every app")
    .action(async (_options, command: Command) => (await load()).listApps(command.optsWithGlobals()));
  app
    .command("show")
    .argument("<app>")
    .description("an app's functions, types and revisions")
    .action(async (name: string, _options, command: Command) =>
      (await load()).showApp(name, command.optsWithGlobals()),
    );
  app
    .command("remove")
    .argument("<app>")
    .description("remove an app with all its revisions")
    .action(async (name: string, _options, command: Command) =>
      (await load()).removeApp(name, command.optsWithGlobals()),
    );
  app
    .command("rollback")
    .argument("<app>")
    .argument("[revision]", "default: the one before")
    .description("make an earlier revision the current one")
    .action(async (name: string, revision: string | undefined, _options, command: Command) =>
      (await load()).rollbackApp({ name, revision }, command.optsWithGlobals()),
    );
}

function addLogs(herd: Command): void {
  herd
    .command("logs")
    .argument("[app]", "only lines of this app")
    .description("log lines of the guests and of the node")
    .option("--follow", "go on with new lines")
    .option("--limit <count>", "how many of the last lines")
    .action(async (app: string | undefined, _options, command: Command) =>
      (await import("./logs.js")).logs(app, command.optsWithGlobals()),
    );
}

function addToken(herd: Command): void {
  const token = herd.command("token").description("create, list and revoke tokens");
  const load = () => import("./token.js");
  token
    .command("create")
    .description("print a new token")
    .addOption(
      new Option("--role <role>", "what it allows")
        .choices(["join", "invoke", "deploy", "admin"])
        .makeOptionMandatory(),
    )
    .option("--app <app>", "good for this app only")
    .option("--node <name>", "node that may use it (join)")
    .option("--ttl <duration>", "life: 90s, 30m, 24h, 7d", duration)
    .option("--uses <count>", "how often it can be used (join)", positive)
    .option("--master", "the node that joins becomes a master (join)")
    .option("--no-deploy", "the node that joins may not deploy (join)")
    .option("--host <host>", "name that its certificate may carry (join); can be repeated", repeated)
    .action(async (_options, command: Command) => (await load()).createToken(command.optsWithGlobals()));
  token
    .command("list")
    .description("tokens that were issued")
    .action(async (_options, command: Command) => (await load()).listTokens(command.optsWithGlobals()));
  token
    .command("revoke")
    .argument("<id>")
    .description("make a token worthless")
    .action(async (id: string, _options, command: Command) =>
      (await load()).revokeToken(id, command.optsWithGlobals()),
    );
}

function addJoin(herd: Command): void {
  const join = herd.command("join").description("nodes that ask to join without a token");
  const load = () => import("./join.js");
  join
    .command("list")
    .description("requests that wait for a person, with the code that the other side shows")
    .action(async (_options, command: Command) => (await load()).listJoins(command.optsWithGlobals()));
  join
    .command("approve")
    .argument("<id>")
    .description("let the node in, once both sides show the same code")
    .option("--no-deploy", "it may not deploy")
    .option(
      "--host <host>",
      "name that its certificate may carry, instead of all it asked for; can be repeated",
      repeated,
    )
    .action(async (id: string, _options, command: Command) =>
      (await load()).approveJoin(id, command.optsWithGlobals()),
    );
  join
    .command("reject")
    .argument("<id>")
    .description("turn the node away")
    .action(async (id: string, _options, command: Command) => (await load()).rejectJoin(id, command.optsWithGlobals()));
}

function addNode(herd: Command): void {
  const node = herd.command("node").description("the nodes of the mesh; NODE is a name or an id");
  const load = () => import("./node.js");
  node
    .command("list")
    .description("every node that was ever let in")
    .action(async (_options, command: Command) => (await load()).listNodes(command.optsWithGlobals()));
  node
    .command("tree")
    .description("who let whom in, and when")
    .action(async (_options, command: Command) => (await load()).showTree(command.optsWithGlobals()));
  node
    .command("revoke")
    .argument("<node>")
    .description("put a node out of the mesh, for good")
    .option("--subtree", "and everyone that it let in")
    .action(async (name: string, _options, command: Command) =>
      (await load()).revokeNode(name, command.optsWithGlobals()),
    );
  node
    .command("drain")
    .argument("<node>")
    .description("have a node give its calls to others and take none")
    .action(async (name: string, _options, command: Command) =>
      (await load()).setDraining({ node: name, verb: "drain" }, command.optsWithGlobals()),
    );
  node
    .command("resume")
    .argument("<node>")
    .description("have a drained or paused node take calls again")
    .action(async (name: string, _options, command: Command) =>
      (await load()).setDraining({ node: name, verb: "resume" }, command.optsWithGlobals()),
    );
  node
    .command("recycle")
    .argument("<node>")
    .description(
      "drain a node and end it, so that its container's engine, or whoever runs it, puts a new one in its place",
    )
    .action(async (name: string, _options, command: Command) =>
      (await load()).setDraining({ node: name, verb: "recycle" }, command.optsWithGlobals()),
    );
  node
    .command("policy")
    .description("what the owner of the asked node's machine allows now, and why")
    .option("--set <setting=value>", "change a setting, null for the node's own default; can be repeated", repeated)
    .action(async (_options, command: Command) => (await import("./policy.js")).policy(command.optsWithGlobals()));
}

function addPause(herd: Command): void {
  herd
    .command("pause")
    .argument("[duration]", "90s, 30m, 24h or 7d (default: until it is resumed)", duration)
    .description("run nothing on the asked node: its owner wants the machine")
    .action(async (seconds: number | undefined, _options, command: Command) =>
      (await import("./policy.js")).pause(seconds, command.optsWithGlobals()),
    );
}

/** Said of the columns of `herd mesh status` that do not say it themselves. */
const statusColumns = `
OWNER    what the owner of the machine allows: herd node policy there tells why
LOOP     how late the node's event loop is
SLOTS    workers that calls may use now
UNITS/S  work units a second of all workers; one worker of the reference machine makes 1000
PACE     how fast it is now beside that: 0.5 takes twice as long as measured
WEIGHT   how likely it is drawn for a call: units/s x pace x share of slots, less with errors
         and after an ejection or a first contact; 0 gets no calls`;

function addMesh(herd: Command): void {
  const mesh = herd.command("mesh").description("the mesh as a node sees it");
  mesh
    .command("status")
    .description("peers, their load and how far away they are")
    .addHelpText("after", statusColumns)
    .action(async (_options, command: Command) => (await import("./mesh.js")).meshStatus(command.optsWithGlobals()));
  mesh
    .command("why")
    .argument("<invocation>", "what the header herd-invocation of an answer of that node says")
    .description("why a call ran where it ran: one of the last 1000 for which the node had peers to choose from")
    .action(async (invocation: string, _options, command: Command) =>
      (await import("./mesh-why.js")).meshWhy(invocation, command.optsWithGlobals()),
    );
}

function addAudit(herd: Command): void {
  const audit = herd.command("audit").description("what was done in the mesh, and its proof");
  audit
    .command("list")
    .description("the newest records of the audit log")
    .option("--event <event>", "only this event, such as node.revoked")
    .option("--limit <count>", "how many of the last records", positive)
    .action(async (_options, command: Command) => (await import("./audit.js")).listAudit(command.optsWithGlobals()));
  audit
    .command("verify")
    .argument("[file]", "what --save wrote (default: ask the node)")
    .description("prove the audit log on this machine; exit code 1 when something was changed, dropped or forged")
    .option("--save <file>", "keep what the node gave, for another day")
    .action(async (file: string | undefined, _options, command: Command) =>
      (await import("./audit-verify.js")).verifyAuditLog(file, command.optsWithGlobals()),
    );
}

function addDoctor(herd: Command): void {
  herd
    .command("doctor")
    .description(
      "check each file of a state directory whose node does not run, and tell what to do; exit code 1 when one is wrong",
    )
    .action(async (_options, command: Command) => (await import("./doctor.js")).doctor(command.optsWithGlobals()));
}

/** Benchmarks beside that of capacity, and what each asks. */
const suite = [
  ["invoke", "what a call costs, and how much of that is ours"],
  ["mesh", "what a mesh costs"],
  ["policy", "ways to choose a node, in a simulated mesh"],
] as const;

function addBench(herd: Command): void {
  const bench = herd.command("bench").description("measure; each writes JSON and a picture");
  bench
    .command("capacity")
    .description("what this machine can do: work units per second by kernel, with one worker and with all")
    .option("--seconds <count>", "measure no longer (default: 15)", positive)
    .option("--workers <count>", "workers to measure (default: as a node has)", positive)
    .option(
      "--out <dir>",
      "folder for capacity.json and capacity.svg (default: here; in a clone bench/results, as capacity.local)",
    )
    .action(async (_options, command: Command) =>
      (await import("./bench/bench-capacity.js")).benchCapacity(command.optsWithGlobals()),
    );
  for (const [name, asks] of suite) {
    bench
      .command(name)
      .description(`${asks}; as npm run bench -- ${name}, in a clone`)
      .option("--out <dir>", "folder for the results (default: bench/results)")
      .action(async (_options, command: Command) =>
        (await import("./bench/bench-suite.js")).benchSuite(name, command.optsWithGlobals()),
      );
  }
}

interface FunctionPath {
  readonly app: string;
  readonly function: string;
}

function functionPath(text: string): FunctionPath {
  const slash = text.indexOf("/");
  if (slash < 1 || slash === text.length - 1) throw new InvalidArgumentError("write APP/FUNCTION, like hello/greet");
  return { app: text.slice(0, slash), function: text.slice(slash + 1) };
}

function repeated(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

function positive(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError("a positive number is needed");
  return Number(text);
}

/** Seconds of `90s`, `30m`, `24h`, `7d`. */
function duration(text: string): number {
  const match = /^([1-9][0-9]{0,6})([smhd])$/.exec(text);
  const unit = { s: 1, m: 60, h: 3_600, d: 86_400 }[match?.[2] ?? ""];
  if (match === null || unit === undefined) throw new InvalidArgumentError("write 90s, 30m, 24h or 7d");
  return Number(match[1]) * unit;
}

/** Runs a command line; the promise is its exit code. */
async function run(argv: readonly string[]): Promise<number> {
  const herd = program(argv);
  try {
    await herd.parseAsync([...argv]);
    // A command that did what it should may have more to say than that.
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : wrongUsage;
    const { report } = await import("./report.js");
    return report(error, herd.opts<GlobalOptions>()) === "usage" ? wrongUsage : failed;
  }
}

// Who reads no more of what is told about the work ends nothing: a node goes on when its terminal is gone.
process.stderr.on("error", () => undefined);
// Who reads no further (`| head`) ends the command, as it would any other.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});
process.exitCode = await run(process.argv);
