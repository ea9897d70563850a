// Commands on apps: deploy, invoke, list, show, remove, roll back, and their logs.

import type { Command } from "commander";
import { type FunctionPath, functionPath, positive } from "./option-values.js";

/** Adds `herd deploy`. */
export function addDeploy(herd: Command): void {
  herd
    .command("deploy")
    .argument("<path>", "a source file, or a folder that holds an index.ts or only one file")
    .description("compile and deploy an app; prints its functions and their endpoints")
    .option("--name <app>", "name of the app (default: the name of the file or folder)")
    .option("--public", "calls need no token")
    .option("--no-public", "calls need a token")
    .option("--watch", "deploy again at each change")
    .action(async (path: string, _options, command: Command) =>
      (await import("../deploy.js")).deploy(path, command.optsWithGlobals()),
    );
}

/** Adds `herd invoke`. */
export function addInvoke(herd: Command): void {
  herd
    .command("invoke")
    .argument("<app/function>", "app and function to call", functionPath)
    .argument(
      "[json]",
      "arguments: an object by name, or an array by position; - reads them from stdin, @FILE from a file",
    )
    .description("call a function; prints its result")
    .option("--node-info", "also print on stderr the node that answered, and where the time went")
    .action(async (target: FunctionPath, json: string | undefined, _options, command: Command) =>
      (await import("../invoke.js")).invoke({ ...target, json }, command.optsWithGlobals()),
    );
}

/** Adds `herd app …`. */
export function addApp(herd: Command): void {
  const app = herd.command("app").description("list, show, remove and roll back apps");
  const load = () => import("../app.js");
  app
    .command("list")
    .description("list the apps")
    .action(async (_options, command: Command) => (await load()).listApps(command.optsWithGlobals()));
  app
    .command("show")
    .argument("<app>")
    .description("show the functions, limits and revisions of an app")
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
    .argument("[revision]", "revision to return to (default: the one before the current one)")
    .description("make an earlier revision the current one")
    .action(async (name: string, revision: string | undefined, _options, command: Command) =>
      (await load()).rollbackApp({ name, revision }, command.optsWithGlobals()),
    );
}

/** Adds `herd logs`. */
export function addLogs(herd: Command): void {
  herd
    .command("logs")
    .argument("[app]", "print only lines of this app")
    .description("print log lines of guests and of the node")
    .option("--follow", "also print new lines, until interrupted")
    .option("--limit <count>", "print at most this many of the newest lines (default: 1000)", positive)
    .action(async (app: string | undefined, _options, command: Command) =>
      (await import("../logs.js")).logs(app, command.optsWithGlobals()),
    );
}
