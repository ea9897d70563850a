// Threads that run only when nobody else wants the core: the idle scheduling class of Linux, sched(7).
import { execFile } from "node:child_process";
import { constants, setPriority } from "node:os";
import { allowedCores, splitCores } from "./cores.js";
import { kernelId } from "./kernel-id.js";

/** What a command may take; it takes some milliseconds. */
const commandTimeoutMs = 5_000;

/** A thread as the kernel knows it. */
export interface KernelThread {
  /** Its id, as /proc/thread-self shows it; undefined on systems other than Linux. */
  readonly kernelId: number | undefined;
  /** Whether it has ended or will: its id may be somebody else's soon. */
  readonly isDead: boolean;
}

/**
 * Takes threads out of the owner's way: the lowest niceness at once, then SCHED_IDLE through util-linux' `chrt`, since Node has no
 * call for it. Where there is no `chrt` the niceness is what remains; systems other than Linux give no thread a priority of its own.
 * Without privileges no thread comes back: it must be replaced.
 *
 * Meanwhile the main thread and the lowered ones use different cores (`taskset`). A message from thread to thread is sent under a lock
 * that the receiver takes when it wakes. A main thread that woke on the sender's core would push it aside inside that lock, and then
 * wait for it while the owner's programs run: seconds, measured on a machine with all cores busy.
 *
 * A known limit: the class counts among the tasks of a control group or autogroup. Against programs of other groups the group's own
 * weight decides (`CPUWeight=idle` of a systemd unit).
 */
export class IdleClass {
  readonly #chrt: string;
  readonly #cores = splitCores(allowedCores());
  /** The thread that this was made in. */
  readonly #main = kernelId();
  #isApart = false;
  #wasApart = false;
  #last: Promise<void> = Promise.resolve();

  /** `chrt` is found in the PATH. */
  constructor(chrt = "chrt") {
    this.#chrt = chrt;
  }

  /** The main thread leaves the cores of those that will be lowered. Threads that it starts from now on begin on its cores. */
  begin(): void {
    if (this.#isApart) return;
    this.#isApart = true;
    this.#wasApart = true;
    this.#use(this.#main, this.#cores?.main);
  }

  /** The main thread may use all its cores again; resolves when it does, and no process of this is left. */
  async end(): Promise<void> {
    if (this.#isApart) this.#use(this.#main, this.#cores?.all);
    this.#isApart = false;
    await this.#last;
  }

  /** Lowers `thread`; false when there is nothing to lower. Call it once for a thread. */
  lower(thread: KernelThread): boolean {
    const { kernelId: id } = thread;
    if (id === undefined || thread.isDead) return false;
    try {
      setPriority(id, constants.priority.PRIORITY_LOW);
    } catch {
      // It died meanwhile; another is made as it should be.
      return false;
    }
    this.#queue(thread, { command: this.#chrt, parameters: ["--idle", "--pid", "0", String(id)] });
    this.#use(id, this.#cores?.guests, thread);
    return true;
  }

  /** A thread that is not to be lowered, but may have begun on the main thread's cores, gets all of them. */
  release(thread: KernelThread): void {
    if (this.#wasApart) this.#use(thread.kernelId, this.#cores?.all, thread);
  }

  #use(id: number | undefined, cores: readonly number[] | undefined, thread?: KernelThread): void {
    if (id === undefined || cores === undefined) return;
    this.#queue(thread, { command: "taskset", parameters: ["--cpu-list", "--pid", cores.join(), String(id)] });
  }

  /** One after the other: the start of each process holds the event loop up. A failure leaves what was. */
  #queue(thread: KernelThread | undefined, { command, parameters }: { command: string; parameters: string[] }): void {
    this.#last = this.#last.then(() => {
      if (thread?.isDead === true) return;
      return new Promise((resolve) => {
        execFile(command, parameters, { timeout: commandTimeoutMs }, () => resolve());
      });
    });
  }
}
