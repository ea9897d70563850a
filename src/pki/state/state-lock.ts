// One process per state folder: a lock file that names its holder, and that a dead holder does not keep.

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
import { HerdError } from "../../core/errors.js";
import { randomHex } from "../../core/ids.js";
import { disk } from "../../storage/disk.js";
import { StorageFull, storageError } from "../../storage/storage-error.js";
import { isRunning, processStart } from "./process-start.js";

const fileName = "lock";
const attempts = 5;
const heartbeatMs = 5_000;
/** After this long without a heartbeat, a holder on another host (or container) counts as dead. */
const silenceMs = 20_000;
/** A lock file is written in one go, so one that stays empty for longer is a crash's. */
const emptyMs = 500;

/** The holder of a lock. `nonce` differs between two locks of one process. */
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
  /** What is still to be written: the disk took no lock file. */
  #unwritten: Holder | undefined;

  private constructor(path: string, { nonce, unwritten }: { nonce: string; unwritten?: Holder | undefined }) {
    this.#path = path;
    this.#nonce = nonce;
    this.#unwritten = unwritten;
    this.#heartbeat = setInterval(() => this.#beat(), heartbeatMs).unref();
  }

  /**
   * Takes the lock, in memory alone as long as the disk takes no file. Throws `internal` naming the process that holds
   * it.
   */
  static async acquire(directory: string): Promise<StateLock> {
    const path = join(directory, fileName);
    const nonce = randomHex(8);
    const holder: Holder = { pid: process.pid, host: hostname(), start: processStart(process.pid), nonce };
    for (let attempt = 0; attempt < attempts; attempt++) {
      const created = create(path, holder);
      if (created === "full") return new StateLock(path, { nonce, unwritten: holder });
      if (created) return new StateLock(path, { nonce });
      const known = await read(path);
      if (known === "gone") continue;
      if (known !== "empty" && isHeld(path, known)) {
        throw new HerdError(
          "internal",
          `${directory} is in use by process ${known.pid} on ${known.host}: stop it, or choose another --state`,
        );
      }
      if (!removeStale(path, known === "empty" ? undefined : known.nonce)) {
        return new StateLock(path, { nonce, unwritten: holder });
      }
    }
    throw new HerdError("internal", `${path} cannot be taken: other processes are starting on the same state`);
  }

  /** Whether the lock is a file that others see. */
  get isWritten(): boolean {
    return this.#unwritten === undefined;
  }

  /** Gives the lock back; a second time does nothing. */
  release(): void {
    if (!this.#held) return;
    this.#held = false;
    clearInterval(this.#heartbeat);
    if (parse(this.#path)?.nonce !== this.#nonce) return;
    try {
      rmSync(this.#path, { force: true });
    } catch {
      // A disk that cannot be written keeps the file, and the next start sees that its holder is gone.
    }
  }

  /** Writes what the disk took no lock file for, also in the place of a dead process; another's lock is left alone. */
  #write(holder: Holder): boolean {
    let created = create(this.#path, holder);
    const known = created === false ? parse(this.#path) : undefined;
    if (known !== undefined && !isHeld(this.#path, known) && removeStale(this.#path, known.nonce)) {
      created = create(this.#path, holder);
    }
    if (created !== true) return false;
    this.#unwritten = undefined;
    return true;
  }

  #beat(): void {
    try {
      if (this.#unwritten !== undefined && !this.#write(this.#unwritten)) return;
      const now = new Date();
      utimesSync(this.#path, now, now);
    } catch {
      // Somebody removed the state folder under a running node: its next write fails with that.
    }
  }
}

/**
 * Makes the lock file; `false` when there is one, `full` when the disk takes none. Synchronous, so that nobody finds it
 * half written for long.
 */
function create(path: string, holder: Holder): boolean | "full" {
  const text = JSON.stringify(holder);
  try {
    disk.beforeWrite(path, text.length);
    writeFileSync(path, text, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    const failure = storageError(error, path);
    if (!(failure instanceof StorageFull)) throw failure;
    // What was begun is empty, and nobody's.
    if (readable(path) === "") rmSync(path, { force: true });
    return "full";
  }
}

function readable(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
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

/**
 * Moves a stale lock aside and looks again: another process may have replaced it meanwhile, and then gets it back.
 * `false` when the disk cannot be written.
 */
function removeStale(path: string, nonce: string | undefined): boolean {
  const aside = `${path}.${randomHex(6)}.tmp`;
  try {
    renameSync(path, aside);
  } catch (error) {
    return !(storageError(error, path) instanceof StorageFull);
  }
  if (parse(aside)?.nonce !== nonce) {
    try {
      copyFileSync(aside, path, constants.COPYFILE_EXCL);
    } catch {
      // A third one was faster; the next attempt reads its name.
    }
  }
  rmSync(aside, { force: true });
  return true;
}
