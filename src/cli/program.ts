// The grammar of the `herd` command. The code of a command is loaded only when the command runs.

import { Command, CommanderError } from "commander";
import { addApp, addDeploy, addInvoke, addLogs } from "./grammar/app-commands.js";
import { addAudit, addJoin, addMesh, addToken } from "./grammar/mesh-commands.js";
import { addBench, addDoctor, addNode, addPause, addUp } from "./grammar/node-commands.js";
import { printVersion } from "./version.js";

/** The program with all commands. With `json`, `--version` prints one JSON value. Parsing throws `CommanderError`. */
export function herdProgram({ json = false }: { readonly json?: boolean } = {}): Command {
  const herd = new Command("herd")
    .description("Runs a Wasmherd node, and deploys and calls functions on it.")
    .option("--url <url>", "address of a node (default: the one in the state directory)")
    .option("--token <token>", "token to send, or @FILE to read it from")
    .option("--ca <file>", "root certificate to trust")
    .option("--state <dir>", "state directory (default: $HERD_STATE, else .herd)")
    .option("--json", "print one JSON value")
    .option("-V, --version", "print the version")
    .showHelpAfterError("(see herd --help, or herd COMMAND --help)")
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "herd: ")) })
    .exitOverride();
  // The parser emits this event before it reads a `--json` that follows: so the caller passes `json`.
  herd.on("option:version", () => {
    printVersion({ json });
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
