// The processes under measurement: a node, and the servers beside it.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { readyLine } from "../src/api/ready.js";
import { systemClock } from "../src/core/clock.js";
import type { DoorKind } from "../src/core/door-kind.js";
import { Identity } from "../src/pki/identity/identity.js";
import { withKeyFiles } from "../src/pki/state/key-files.js";
import { readClientState } from "../src/storage/client-state.js";
import type { EchoKind } from "./echo-server.js";
import { otherRuntime, runtimeNames } from "./other-runtimes.js";

/** A server to measure. */
export interface Target {
  readonly url: string;
  readonly ca: string;
  readonly token?: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** How {@link startNode} starts a node. */
interface StartOptions {
  /** Folder of functions. */
  readonly functions: string;
  readonly door?: DoorKind;
  readonly workers?: number;
  /** Content of a configuration file beside the state. */
  readonly settings?: object;
  /** The built tree to start it from; by default this one. */
  readonly dist?: URL;
  /** Whether to start the tree's bundle, which is the default. */
  readonly bundled?: boolean;
}

/** Starts a node on a free port with its state in `state`. */
export async function startNode(
  state: string,
  { functions, door, workers, settings, dist = new URL("../", import.meta.url), bundled = true }: StartOptions,
): Promise<Target> {
  const flags = ["up", "--state", state, "--port", "0", "--json", "--functions", functions];
  if (settings !== undefined) {
    writeFileSync(`${state}.json`, JSON.stringify(settings));
    flags.push("--config", `${state}.json`);
  }
  if (door !== undefined) flags.push("--door", door);
  if (workers !== undefined) flags.push("--workers", String(workers));
  const { child, line } = await start(commandOf(dist, { bundled }), flags);
  const { url, ca } = readyLine.parse(JSON.parse(line));
  const token = (await readClientState(state))?.token;
  if (token === undefined) throw new TypeError("the node is no master, so that there is no token");
  return { url, token, ca: readFileSync(ca, "utf8"), pid: child.pid ?? 0, stop: () => stop(child) };
}

/** The `herd` command of a built tree: its bundle, or the modules one by one, which are all that older trees have. */
function commandOf(dist: URL, { bundled }: { bundled: boolean }): URL {
  const bundle = new URL("bundle/herd.js", dist);
  return bundled && existsSync(bundle) ? bundle : new URL("src/cli/main.js", dist);
}

/** Names of servers that do nothing but echo: in Node, and other runtimes. */
export type ServerName = EchoKind | (typeof runtimeNames)[number];

/** Runs `use` beside the bare hyper-express server; `state` is a folder for its keys. */
export async function withEcho<Result>(state: string, use: (echo: Target) => Promise<Result>): Promise<Result> {
  return withServers(state, ["hyper-express"], ([echo]) => {
    if (echo === undefined) throw new Error("the bare server did not start");
    return use(echo);
  });
}

/** A server to measure, by name. */
export interface NamedTarget extends Target {
  readonly name: ServerName;
}

/** Runs `use` beside the servers named, of which other runtimes may be missing here; `state` is a folder for them. */
export async function withServers<Result>(
  state: string,
  names: readonly ServerName[],
  use: (servers: readonly NamedTarget[]) => Promise<Result>,
): Promise<Result> {
  const facts = { ephemeral: true, name: "echo", domains: [], advertise: "localhost", clock: systemClock };
  const identity = await Identity.open({ state, ...facts });
  const running: NamedTarget[] = [];
  try {
    await withKeyFiles(identity.publicLeaf(), async ({ key, cert }) => {
      for (const name of names) {
        const started = await startServer(name, { folder: state, key, cert });
        if (started === undefined) {
          console.error(`Without ${name}: npm has none for this machine, or does not answer.`);
          continue;
        }
        const { child, port } = started;
        const url = `https://localhost:${port}/echo`;
        const stopIt = (): Promise<void> => stop(child);
        running.push({ name, url, ca: identity.rootCertificate, pid: child.pid ?? 0, stop: stopIt });
      }
    });
    return await use(running);
  } finally {
    for (const server of running) await server.stop();
    await identity.close();
  }
}

async function startServer(
  name: ServerName,
  place: { readonly folder: string; readonly key: string; readonly cert: string },
): Promise<{ child: ChildProcess; port: number } | undefined> {
  const other = runtimeNames.find((runtime) => runtime === name);
  if (other === undefined) {
    const { child, line } = await start(new URL("./echo-server.js", import.meta.url), [name, place.key, place.cert]);
    return { child, port: Number(line) };
  }
  const runtime = await otherRuntime(other, place);
  if (runtime === undefined) return undefined;
  const { command, args, port } = runtime;
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  if (port === undefined) return { child, port: Number(await firstLine(child, command)) };
  for (let left = 500; !(await accepts(port)); left--) {
    if (left === 0 || child.exitCode !== null) throw new Error(`${command} does not listen`);
    await sleep(20);
  }
  return { child, port };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}

async function start(module: URL, args: readonly string[]): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(process.execPath, [fileURLToPath(module), ...args], { stdio: ["ignore", "pipe", "inherit"] });
  return { child, line: await firstLine(child, module.pathname) };
}

async function firstLine(child: ChildProcess, name: string): Promise<string> {
  if (child.stdout === null) throw new TypeError("the child has no stdout");
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error(`${name} ended before it was ready`);
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await ended;
}
