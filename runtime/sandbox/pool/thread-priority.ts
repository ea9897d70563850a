// Threads that run only while no other program wants the core: the idle scheduling class of Linux, sched(7).
import { execFile } from "node:child_process";
import { constants, setPriority } from "node:os";
import { kernelId } from "../kernel-id.js";
import { allowedCores, splitCores } from "./cores.js";

/** Timeout of a command, in milliseconds; it usually takes a few. */
const commandTimeoutMs = 5_000;

/** A thread as the kernel knows it. */
export interface KernelThread {
  /** The kernel's id of the thread, as /proc/thread-self shows it; undefined on systems other than Linux. */
  readonly kernelId: number | undefined;
  /** Whether the thread has ended or will: another thread may get its id soon. */
  readonly isDead: boolean;
}

interface Command {
  readonly command: string;
  readonly parameters: readonly string[];
  /** Fallback when the command fails. */
  orElse?(): void;
}

/**
 * Takes threads out of the owner's way: SCHED_IDLE through util-linux' `chrt`, since Node has no call for it. Where
 * there is no `chrt`, threads get the lowest niceness, setpriority(2). Systems other than Linux have no priority for a
 * single thread. Without privileges no thread leaves the class again: it must be replaced.
 *
 * Meanwhile the main thread and the lowered threads use different cores (`taskset`). A message from thread to thread is
 * sent under a lock that the receiver takes when it wakes. A main thread that woke on the sender's core would displace
 * the sender inside that lock, and then wait for the lock while the owner's programs run: seconds, measured on a
 * machine with all cores busy.
 *
 * Known limits. A thread that ends holds the lock of the process' memory map, and Node's main thread waits for its end.
 * So to end a thread of the idle class holds up the main thread while all cores are busy: seconds, measured. The class
 * counts only among the tasks of a control group or autogroup. Against programs of other groups, the group's own weight
 * decides (`CPUWeight=idle` of a systemd unit).
 */
export class IdleClass {
  readonly #chrt: string;
  readonly #cores = splitCores(allowedCores());
  /** The thread that made this object. */
  readonly #main = kernelId();
  #isApart = false;
  #wasApart = false;
  /** Pending commands for the main thread, in their order. */
  #moving: Promise<void> = Promise.resolve();
  readonly #running = new Set<Promise<void>>();

  /** `chrt` is found in the PATH. */
  constructor(chrt = "chrt") {
    this.#chrt = chrt;
  }

  /**
   * Moves the main thread off the cores of threads that will be lowered. Threads that it starts from now on begin on
   * its cores.
   */
  begin(): void {
    if (this.#isApart) return;
    this.#isApart = true;
    this.#wasApart = true;
    this.#move("main");
  }

  /** Lets the main thread use all its cores again. Resolves when it does, and no child process is left. */
  async end(): Promise<void> {
    if (this.#isApart) this.#move("all");
    this.#isApart = false;
    await Promise.all([this.#moving, ...this.#running]);
  }

  /** Lowers `thread`; false when there is nothing to lower. To be called once for a thread. */
  lower(thread: KernelThread): boolean {
    const { kernelId: id } = thread;
    if (id === undefined || thread.isDead) return false;
    const lowest = (): void => setPriority(id, constants.priority.PRIORITY_LOW);
    const idle: Command = { command: this.#chrt, parameters: ["--idle", "--pid", "0", String(id)], orElse: lowest };
    // In this order: a thread of the idle class must not hold up the main thread's cores.
    this.#change(thread, [...(this.#cores === undefined ? [] : [onCores(id, this.#cores.guests)]), idle]);
    return true;
  }

  /** Gives all cores to a thread that is not to be lowered, but may have begun on the main thread's cores. */
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

/** Runs a command; a failure changes nothing. */
async function run({ command, parameters, orElse }: Command): Promise<void> {
  // execFile throws at once where the system has no memory for another process (ENOMEM), and reports other failures
  // later.
  const error = await new Promise((resolve) => {
    execFile(command, parameters, { timeout: commandTimeoutMs }, resolve);
  }).catch((thrown: unknown) => thrown);
  if (error === null) return;
  try {
    orElse?.();
  } catch {
    // The thread died meanwhile; its successor gets the right class.
  }
}
