// The processes under measurement: a node, and the bare server beside it.

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { readyLine } from "../src/api/ready.js";
import { systemClock } from "../src/core/clock.js";
import { Identity } from "../src/pki/identity/identity.js";
import { withKeyFiles } from "../src/pki/state/key-files.js";

/** A server to measure. */
export interface Target {
  readonly url: string;
  readonly ca: string;
  readonly token?: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/**
 * Starts a node on a free port with the functions under `functions` and its state in `state`; from the built tree
 * `dist`, or this tree.
 */
export async function startNode(
  state: string,
  { functions, dist = new URL("../", import.meta.url) }: { functions: string; dist?: URL },
): Promise<Target> {
  const flags = ["up", "--state", state, "--port", "0", "--json", "--functions", functions];
  const { child, line } = await start(new URL("src/cli/main.js", dist), flags);
  const { url, token, ca } = readyLine.parse(JSON.parse(line));
  if (token === undefined) throw new TypeError("the node founded no mesh, so that there is no token");
  return { url, token, ca: readFileSync(ca, "utf8"), pid: child.pid ?? 0, stop: () => stop(child) };
}

/** Runs `use` beside the bare hyper-express server, which has its own keys; `state` is a folder for them. */
export async function withEcho<Result>(state: string, use: (echo: Target) => Promise<Result>): Promise<Result> {
  const facts = { ephemeral: true, name: "echo", domains: [], advertise: "localhost", clock: systemClock };
  const identity = await Identity.open({ state, ...facts });
  try {
    const { child, line } = await withKeyFiles(identity.publicLeaf(), (files) =>
      start(new URL("./echo-server.js", import.meta.url), [files.key, files.cert]),
    );
    const url = `https://localhost:${line}/echo`;
    const echo = { url, ca: identity.rootCertificate, pid: child.pid ?? 0, stop: () => stop(child) };
    return await use(echo).finally(echo.stop);
  } finally {
    await identity.close();
  }
}

async function start(module: URL, args: readonly string[]): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(process.execPath, [fileURLToPath(module), ...args], { stdio: ["ignore", "pipe", "inherit"] });
  if (child.stdout === null) throw new TypeError("the child has no stdout");
  for await (const line of createInterface({ input: child.stdout })) return { child, line };
  throw new Error(`${module.pathname} ended before it was ready`);
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await ended;
}
