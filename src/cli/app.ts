// `herd app list | show | remove | rollback`.

import { connect, type GlobalOptions } from "../client/connection.js";
import { printable } from "../core/terminal-text.js";
import { type AppBody, type FunctionBody, limitsText, signature } from "./app-text.js";
import { printJson, printLine, printNotice, printTable } from "./print.js";

/** Lists every app. */
export async function listApps(options: GlobalOptions): Promise<void> {
  const apps = await (await connect(options)).json<AppBody[]>("/v1/apps");
  if (options.json) printJson(apps);
  else if (apps.length === 0) printNotice("no apps yet: herd deploy PATH");
  else {
    const rows = apps.map((app) => [
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
  const app = await (await connect(options)).json<AppBody>(pathOf(name));
  if (options.json) {
    printJson(app);
    return;
  }
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
  await (await connect(options)).send(pathOf(name), { method: "DELETE" });
  if (options.json) printJson({ app: name, removed: true });
  else printNotice(`removed ${name}`);
}

/** Rolls an app back. */
export async function rollbackApp(
  { name, revision }: { name: string; revision: string | undefined },
  options: GlobalOptions,
): Promise<void> {
  const client = await connect(options);
  const body = JSON.stringify(revision === undefined ? {} : { revision });
  const headers = { "content-type": "application/json" };
  const app = await client.json<AppBody>(`${pathOf(name)}/rollback`, { method: "POST", body, headers });
  if (options.json) printJson(app);
  else printLine(`${app.app} is at revision ${app.revision}`);
}

/** Prints functions with their endpoints. */
export function printFunctions(functions: readonly FunctionBody[]): void {
  printTable(functions.map((entry) => [`  ${signature(entry)}`, entry.url]));
}

function pathOf(name: string): string {
  return `/v1/apps/${encodeURIComponent(name)}`;
}
