// `herd deploy`: a file or folder becomes an app; with --watch, again at each change.

import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { deployApp } from "../api/apps.js";
import type { Client } from "../client/client.js";
import { connect, type GlobalOptions } from "../client/client-options.js";
import { isAppName } from "../core/app-name.js";
import { printable } from "../core/terminal-text.js";
import { UsageError } from "../core/usage-error.js";
import { appNameOf, readSourceFolder, sendLimits } from "../deploy/read-source-folder.js";
import { printFunctions } from "./app.js";
import { printAnswer, printLine } from "./print.js";
import { withProgress } from "./progress.js";

/** The options of `herd deploy`; `public` undefined keeps what the app has. */
export interface DeployOptions extends GlobalOptions {
  readonly name?: string;
  readonly public?: boolean;
  readonly watch?: boolean;
}

/** Deploys a file or folder and prints what it became. */
export async function deploy(path: string, options: DeployOptions): Promise<void> {
  const full = resolve(path);
  await stat(full).catch((error: Error) => {
    throw new UsageError(`there is nothing at ${path}`, { cause: error });
  });
  const app = options.name ?? appNameOf(full);
  if (!isAppName(app)) {
    const rule = "an app's name is a small letter, then up to 62 small letters, digits and hyphens";
    throw new UsageError(
      options.name === undefined ? `${basename(full)} gives no app name (${rule}): say one with --name` : rule,
    );
  }
  const client = await connect(options);
  const once = () => deployOnce({ client, app, path: full }, options);
  if (options.watch) await (await import("./watch.js")).watch(full, { once, json: options.json === true });
  else await once();
}

async function deployOnce(
  { client, app, path }: { client: Client; app: string; path: string },
  options: DeployOptions,
): Promise<void> {
  const files = await readSourceFolder(path, sendLimits);
  if (files.length === 0) throw new UsageError(`${path} holds no .ts file`);
  const form = new FormData();
  for (const file of files) form.append("file", new Blob([file.text], { type: "application/typescript" }), file.path);
  const encoded = new Response(form);
  const raw = {
    type: encoded.headers.get("content-type") ?? "",
    bytes: Buffer.from(await encoded.arrayBuffer()),
  };
  const access = options.public === undefined ? undefined : options.public ? "true" : "false";
  const answer = await withProgress(`compiling ${app}`, () =>
    client.call(deployApp, { parameters: { app }, query: { public: access }, raw }),
  );
  if (options.json) {
    printAnswer(answer);
    return;
  }
  const deployed = answer.json;
  printLine(`${deployed.app}, revision ${deployed.revision}`);
  printFunctions(deployed.functions);
  printLine(`nodes ${deployed.nodes.map(printable).join(" ")}`);
}
