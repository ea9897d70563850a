// One process per state folder: a lock file that says who holds it, and that a dead holder does not keep.

import {
  constants,
  copyFileSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { HerdError } from "../core/errors.js";
import { randomHex } from "../core/ids.js";
import { isRunning, processStart } from "./process-start.js";

const fileName = "lock";
const attempts = 5;
const heartbeatMs = 5_000;
/** After this long without a heartbeat, a holder on another host (or container) counts as dead. */
const silenceMs = 20_000;
/** A lock file is written in one go, so one that stays empty for longer is a crash's. */
const emptyMs = 500;

/** Who holds a lock. `nonce` tells two locks of one process apart. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly start: string;
  readonly nonce: string;
}

/** The lock of a state folder, held from {@link StateLock.acquire} to `release`. */
export class StateLock {
  readonly #path: string;
  readonly #nonce: string;
  readonly #heartbeat: NodeJS.Timeout;
  #held = true;

  private constructor(path: string, nonce: string) {
    this.#path = path;
    this.#nonce = nonce;
    this.#heartbeat = setInterval(() => this.#beat(), heartbeatMs).unref();
  }

  /** Takes the lock. Throws `internal` naming the process that holds it. */
  static async acquire(directory: string): Promise<StateLock> {
    const path = join(directory, fileName);
    const nonce = randomHex(8);
    const holder: Holder = { pid: process.pid, host: hostname(), start: processStart(process.pid), nonce };
    for (let attempt = 0; attempt < attempts; attempt++) {
      if (create(path, holder)) return new StateLock(path, nonce);
      const known = await read(path);
      if (known === "gone") continue;
      if (known !== "empty" && isHeld(path, known)) {
        throw new HerdError(
          "internal",
          `${directory} is in use by process ${known.pid} on ${known.host}: stop it, or choose another --state`,
        );
      }
      removeStale(path, known === "empty" ? undefined : known.nonce);
    }
    throw new HerdError("internal", `${path} cannot be taken: other processes are starting on the same state`);
  }

  /** Gives the lock back; a second time does nothing. */
  release(): void {
    if (!this.#held) return;
    this.#held = false;
    clearInterval(this.#heartbeat);
    if (parse(this.#path)?.nonce === this.#nonce) rmSync(this.#path, { force: true });
  }

  #beat(): void {
    try {
      const now = new Date();
      utimesSync(this.#path, now, now);
    } catch {
      // Somebody removed the state folder under a running node: its next write will say so.
    }
  }
}

/** Makes the lock file; `false` when there is one. Synchronous, so that nobody finds it half written for long. */
function create(path: string, holder: Holder): boolean {
  try {
    writeFileSync(path, JSON.stringify(holder), { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw new HerdError("internal", `${path} cannot be written: ${(error as Error).message}`, { cause: error });
  }
}

async function read(path: string): Promise<Holder | "empty" | "gone"> {
  const known = parse(path);
  if (known !== undefined) return known;
  await sleep(emptyMs);
  try {
    statSync(path);
  } catch {
    return "gone";
  }
  return parse(path) ?? "empty";
}

function parse(path: string): Holder | undefined {
  try {
    const holder = JSON.parse(readFileSync(path, "utf8")) as Partial<Holder> | null;
    const { pid, host, start, nonce } = holder ?? {};
    if (typeof pid !== "number" || typeof host !== "string" || typeof nonce !== "string") return undefined;
    return { pid, host, start: typeof start === "string" ? start : "", nonce };
  } catch {
    return undefined;
  }
}

function isHeld(path: string, holder: Holder): boolean {
  // The file system's time against the machine's own: no injected clock can stand for either.
  if (holder.host !== hostname()) return Date.now() - modifiedMs(path) < silenceMs;
  return isRunning(holder.pid) && processStart(holder.pid) === holder.start;
}

function modifiedMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Moves a stale lock aside and looks again: another process may have replaced it meanwhile, and then gets it back. */
function removeStale(path: string, nonce: string | undefined): void {
  const aside = `${path}.${randomHex(6)}.tmp`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  if (parse(aside)?.nonce !== nonce) {
    try {
      copyFileSync(aside, path, constants.COPYFILE_EXCL);
    } catch {
      // A third one was faster; the next attempt reads its name.
    }
  }
  rmSync(aside, { force: true });
}
