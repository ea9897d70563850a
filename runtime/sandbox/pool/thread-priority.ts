// Threads that run only when nobody else wants the core: the idle scheduling class of Linux, sched(7).
import { execFile } from "node:child_process";
import { constants, setPriority } from "node:os";
import { kernelId } from "../kernel-id.js";
import { allowedCores, splitCores } from "./cores.js";

/** What a command may take; it takes some milliseconds. */
const commandTimeoutMs = 5_000;

/** A thread as the kernel knows it. */
export interface KernelThread {
  /** Its id, as /proc/thread-self shows it; undefined on systems other than Linux. */
  readonly kernelId: number | undefined;
  /** Whether it has ended or will: its id may be somebody else's soon. */
  readonly isDead: boolean;
}

interface Command {
  readonly command: string;
  readonly parameters: readonly string[];
  /** What is done when it fails. */
  orElse?(): void;
}

/**
 * Takes threads out of the owner's way: SCHED_IDLE through util-linux' `chrt`, since Node has no call for it. Where there is no `chrt`
 * it is the lowest niceness, setpriority(2); systems other than Linux give no thread a priority of its own.
 * Without privileges no thread comes back: it must be replaced.
 *
 * Meanwhile the main thread and the lowered ones use different cores (`taskset`). A message from thread to thread is sent under a lock
 * that the receiver takes when it wakes. A main thread that woke on the sender's core would push it aside inside that lock, and then
 * wait for it while the owner's programs run: seconds, measured on a machine with all cores busy.
 *
 * Known limits: a thread that ends holds the lock of the process' memory map, and Node's main thread waits for its end. So ending one of
 * the idle class holds up the main thread while all cores are busy: seconds, measured.
 * And the class counts among the tasks of a control group or autogroup. Against programs of other groups the group's own
 * weight decides (`CPUWeight=idle` of a systemd unit).
 */
export class IdleClass {
  readonly #chrt: string;
  readonly #cores = splitCores(allowedCores());
  /** The thread that this was made in. */
  readonly #main = kernelId();
  #isApart = false;
  #wasApart = false;
  /** The commands for the main thread, in their order. */
  #moving: Promise<void> = Promise.resolve();
  readonly #running = new Set<Promise<void>>();

  /** `chrt` is found in the PATH. */
  constructor(chrt = "chrt") {
    this.#chrt = chrt;
  }

  /** The main thread leaves the cores of those that will be lowered. Threads that it starts from now on begin on its cores. */
  begin(): void {
    if (this.#isApart) return;
    this.#isApart = true;
    this.#wasApart = true;
    this.#move("main");
  }

  /** The main thread may use all its cores again; resolves when it does, and no process of this is left. */
  async end(): Promise<void> {
    if (this.#isApart) this.#move("all");
    this.#isApart = false;
    await Promise.all([this.#moving, ...this.#running]);
  }

  /** Lowers `thread`; false when there is nothing to lower. Call it once for a thread. */
  lower(thread: KernelThread): boolean {
    const { kernelId: id } = thread;
    if (id === undefined || thread.isDead) return false;
    const lowest = (): void => setPriority(id, constants.priority.PRIORITY_LOW);
    const idle: Command = { command: this.#chrt, parameters: ["--idle", "--pid", "0", String(id)], orElse: lowest };
    // In this order: nothing in the idle class may hold up what runs on the main thread's cores.
    this.#change(thread, [...(this.#cores === undefined ? [] : [onCores(id, this.#cores.guests)]), idle]);
    return true;
  }

  /** A thread that is not to be lowered, but may have begun on the main thread's cores, gets all of them. */
  release(thread: KernelThread): void {
    if (!this.#wasApart || thread.kernelId === undefined || this.#cores === undefined) return;
    this.#change(thread, [onCores(thread.kernelId, this.#cores.all)]);
  }

  #move(to: "main" | "all"): void {
    if (this.#main === undefined || this.#cores === undefined) return;
    const command = onCores(this.#main, this.#cores[to]);
    this.#moving = this.#moving.then(() => run(command));
  }

  #change(thread: KernelThread, commands: readonly Command[]): void {
    const change = async (): Promise<void> => {
      await this.#moving;
      for (const command of commands) if (!thread.isDead) await run(command);
    };
    const changing = change().finally(() => this.#running.delete(changing));
    this.#running.add(changing);
  }
}

function onCores(id: number, cores: readonly number[]): Command {
  return { command: "taskset", parameters: ["--cpu-list", "--pid", cores.join(), String(id)] };
}

/** A failure leaves what was. */
async function run({ command, parameters, orElse }: Command): Promise<void> {
  // It throws at once where the system has no memory for another process (ENOMEM), and tells of other failures later.
  const error = await new Promise((resolve) => {
    execFile(command, parameters, { timeout: commandTimeoutMs }, resolve);
  }).catch((thrown: unknown) => thrown);
  if (error === null) return;
  try {
    orElse?.();
  } catch {
    // The thread died meanwhile: another is made as it should be.
  }
}
