// `herd app list | show | remove | rollback`.

import * as apps from "../api/apps.js";
import { connect, type GlobalOptions } from "../client/client-options.js";
import { printable } from "../core/terminal-text.js";
import { limitsText, signature } from "./app-text.js";
import { printAnswer, printJson, printLine, printNotice, printTable } from "./print.js";

/** Lists every app. */
export async function listApps(options: GlobalOptions): Promise<void> {
  const answer = await (await connect(options)).call(apps.listApps);
  if (options.json) printAnswer(answer);
  else if (answer.json.length === 0) printNotice("no apps yet: herd deploy PATH");
  else {
    const rows = answer.json.map((app) => [
      app.app,
      app.revision,
      app.public ? "public" : "private",
      app.unlisted === undefined ? app.functions.map(({ name }) => name).join(" ") : `(${app.unlisted.code})`,
    ]);
    printTable([["APP", "REVISION", "ACCESS", "FUNCTIONS"], ...rows]);
  }
}

/** Shows one app. */
export async function showApp(name: string, options: GlobalOptions): Promise<void> {
  const answer = await (await connect(options)).call(apps.showApp, { parameters: { app: name } });
  if (options.json) {
    printAnswer(answer);
    return;
  }
  const app = answer.json;
  printLine(`${app.app}, revision ${app.revision}, ${app.public ? "public: calls need no token" : "private"}`);
  printLine(`limits ${limitsText(app.limits)}`);
  printLine(`nodes ${app.nodes.map(printable).join(" ")}`);
  printLine("functions");
  printFunctions(app.functions);
  printLine("revisions, newest last");
  printTable(
    app.revisions.map(({ revision, at, by }) => [revision === app.revision ? "  *" : "   ", revision, at, `by ${by}`]),
  );
}

/** Removes an app. */
export async function removeApp(name: string, options: GlobalOptions): Promise<void> {
  await (await connect(options)).call(apps.removeApp, { parameters: { app: name } });
  if (options.json) printJson({ app: name, removed: true });
  else printNotice(`removed ${name}`);
}

/** Rolls an app back. */
export async function rollbackApp(
  { name, revision }: { name: string; revision: string | undefined },
  options: GlobalOptions,
): Promise<void> {
  const client = await connect(options);
  const answer = await client.call(apps.rollbackApp, { parameters: { app: name }, body: { revision } });
  if (options.json) printAnswer(answer);
  else printLine(`${answer.json.app} is at revision ${answer.json.revision}`);
}

/** Prints functions with their endpoints. */
export function printFunctions(functions: readonly apps.AppFunction[]): void {
  printTable(functions.map((entry) => [`  ${signature(entry)}`, entry.url]));
}
