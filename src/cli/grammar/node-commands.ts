// Commands that run a node, measure its machine, and act on nodes.

import type { Command } from "commander";
import { duration, positive, repeated } from "./option-values.js";

/** Adds `herd up`. */
export function addUp(herd: Command): void {
  herd
    .command("up")
    .description("run a node in the foreground; without an identity it joins a mesh, or founds one")
    .option("--name <name>", "name of the node (default: the host name)")
    .option("--host <host>", "address to bind (default: localhost)")
    .option(
      "--advertise <host>",
      "host for URLs and for peers to dial; needed when --host is a wildcard; auto: this machine's only address",
    )
    .option("--port <port>", "HTTPS port, 0 for a free one (default: 8443)")
    .option("--peer-port <port>", "port for peers (default: the one after --port)")
    .option("--domain <domain>", "domain that certificates of a new mesh may name; can be repeated", repeated)
    .option("--join <url>", "URL of a node of the mesh to join, with --token TOKEN or a person's approval there")
    .option("--no-deploy", "join as a node that never deploys")
    .option("--root-passphrase-file <file>", "encrypt the root's key under this passphrase too; needed to make masters")
    .option("--workers <count>", "threads that run functions")
    .option("--door <kind>", "server of the public port: uws or node (default: uws where its binary loads)")
    .option("--functions <dir>", "deploy each file and folder of this one as an app")
    .option("--ephemeral", "keep identity and apps in memory only")
    .option("--container", "run the node in a container, as an outer wall; needs Docker Engine")
    .option("--config <file>", "settings as JSON")
    .action(async (options, command: Command) => {
      (await import("../../server/connections/parser-limits.js")).allowWholeHeads();
      if (options.container === true)
        await (await import("../container/up.js")).upInContainer(command.optsWithGlobals());
      else await (await import("../up.js")).up(command.optsWithGlobals());
    });
}

/** Adds `herd node …`. */
export function addNode(herd: Command): void {
  const node = herd.command("node").description("list, drain and revoke nodes of the mesh; NODE is a name or an id");
  const load = () => import("../node.js");
  node
    .command("list")
    .description("list every node that was ever let in")
    .action(async (_options, command: Command) => (await load()).listNodes(command.optsWithGlobals()));
  node
    .command("tree")
    .description("show which node let which one in, and when")
    .action(async (_options, command: Command) => (await load()).showTree(command.optsWithGlobals()));
  node
    .command("revoke")
    .argument("<node>")
    .description("revoke a node for good")
    .option("--subtree", "also revoke the nodes that it let in, directly or not")
    .action(async (name: string, _options, command: Command) =>
      (await load()).revokeNode(name, command.optsWithGlobals()),
    );
  node
    .command("drain")
    .argument("<node>")
    .description("drain a node: it gives its calls to peers and takes no new ones")
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
    .description("drain a node and end it with exit code 75, so that its supervisor starts a new one")
    .action(async (name: string, _options, command: Command) =>
      (await load()).setDraining({ node: name, verb: "recycle" }, command.optsWithGlobals()),
    );
  node
    .command("policy")
    .description("show what the owner of the node's machine allows now, and why")
    .option("--set <setting=value>", "change a setting, null for the node's own default; can be repeated", repeated)
    .action(async (_options, command: Command) => (await import("../policy.js")).policy(command.optsWithGlobals()));
}

/** Adds `herd pause`. */
export function addPause(herd: Command): void {
  herd
    .command("pause")
    .argument("[duration]", "90s, 30m, 24h or 7d (default: until it is resumed)", duration)
    .description("run no calls on the node, so that its owner has the machine")
    .action(async (seconds: number | undefined, _options, command: Command) =>
      (await import("../policy.js")).pause(seconds, command.optsWithGlobals()),
    );
}

/** Adds `herd doctor`. */
export function addDoctor(herd: Command): void {
  herd
    .command("doctor")
    .description(
      "check each file of the state directory of a stopped node, with a remedy for each damaged one; exit " +
        "code 1 when a file is damaged",
    )
    .action(async (_options, command: Command) => (await import("../doctor.js")).doctor(command.optsWithGlobals()));
}

/** Benchmarks of a clone, each with its description. */
const suite = [
  ["deploy", "measure a deploy, the first and later ones, by stage"],
  ["invoke", "measure the cost of a call, and the share of it that is Wasmherd's"],
  ["mesh", "measure the cost of a mesh"],
  ["policy", "compare policies that choose a node, in a simulated mesh"],
] as const;

/** Adds `herd bench …`. */
export function addBench(herd: Command): void {
  const bench = herd.command("bench").description("run a benchmark; each writes JSON and a picture");
  bench
    .command("capacity")
    .description("measure this machine: work units per second by kernel, with one worker and with all")
    .option("--seconds <count>", "measure for at most this long, in seconds (default: 15)", positive)
    .option("--workers <count>", "workers to measure (default: as a node has)", positive)
    .option(
      "--out <dir>",
      "folder for capacity.json and capacity.svg (default: here; in a clone bench/results, as capacity.local)",
    )
    .action(async (_options, command: Command) =>
      (await import("../bench/bench-capacity.js")).benchCapacity(command.optsWithGlobals()),
    );
  for (const [name, measures] of suite) {
    bench
      .command(name)
      .description(`${measures}; as npm run bench -- ${name}, in a clone`)
      .option("--out <dir>", "folder for the results (default: bench/results)")
      .action(async (_options, command: Command) =>
        (await import("../bench/bench-suite.js")).benchSuite(name, command.optsWithGlobals()),
      );
  }
}
