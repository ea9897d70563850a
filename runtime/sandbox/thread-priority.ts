// Threads that run only when nobody else wants the core: the idle scheduling class of Linux, sched(7).
import { execFile } from "node:child_process";
import { constants, setPriority } from "node:os";

/** What `chrt` may take; it takes some milliseconds. */
const chrtTimeoutMs = 5_000;

/** A thread as the kernel knows it. */
export interface KernelThread {
  /** Its id, as /proc/thread-self shows it; undefined on systems other than Linux. */
  readonly kernelId: number | undefined;
  /** Whether it has ended or will: its id may be somebody else's soon. */
  readonly isDead: boolean;
}

/**
 * Takes threads out of the owner's way: the lowest niceness at once, and then SCHED_IDLE through util-linux' `chrt`, since Node has no
 * call for it. Where there is no `chrt` the niceness is what remains; systems other than Linux give no thread a priority of its own.
 * Without privileges no thread comes back: it must be replaced. A known limit: the class counts among the tasks of a control group or
 * autogroup, so against programs of other groups it needs the group's weight (`CPUWeight=idle` of a systemd unit) beside it.
 */
export class IdleClass {
  readonly #command: string;
  #last: Promise<void> = Promise.resolve();

  /** `command` is found in the PATH. */
  constructor(command = "chrt") {
    this.#command = command;
  }

  /** Lowers `thread`; false when there is nothing to lower. Call it once for a thread. */
  lower(thread: KernelThread): boolean {
    const { kernelId } = thread;
    if (kernelId === undefined || thread.isDead) return false;
    try {
      setPriority(kernelId, constants.priority.PRIORITY_LOW);
    } catch {
      // It died meanwhile; another is made as it should be.
      return false;
    }
    // One after the other: the start of each process holds the event loop up.
    this.#last = this.#last.then(() => (thread.isDead ? undefined : this.#toIdleClass(kernelId)));
    return true;
  }

  /** Resolves when no process of this is left. */
  async end(): Promise<void> {
    await this.#last;
  }

  #toIdleClass(kernelId: number): Promise<void> {
    return new Promise((resolve) => {
      const parameters = ["--idle", "--pid", "0", String(kernelId)];
      // A failure leaves the niceness.
      execFile(this.#command, parameters, { timeout: chrtTimeoutMs }, () => resolve());
    });
  }
}
