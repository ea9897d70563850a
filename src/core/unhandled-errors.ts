// What a process does about an exception or a rejection that nothing handled: it says so, ends in order, and is started
// again.

/** How a fault came about. */
export type UnhandledKind = "exception" | "rejection";

/** What {@link watchUnhandledErrors} does about faults. */
interface UnhandledOptions {
  /** Logs and counts the fault. */
  report(kind: UnhandledKind, cause: unknown): void;
  /** Ends the work in order: calls under way first. */
  drain(): Promise<void>;
  /** Ends the process. */
  exit(): void;
  /** The process ends after so long, drained or not. */
  readonly drainMs: number;
  /** Where faults are heard of; the process, unless told otherwise. */
  readonly source?: UnhandledSource;
}

type UnhandledListener = (cause: unknown, origin: NodeJS.UncaughtExceptionOrigin) => void;

/** The part of `process` that tells of faults; rejections come there too, as Node raises those that nothing handles. */
interface UnhandledSource {
  on(event: "uncaughtException", listener: UnhandledListener): unknown;
  off(event: "uncaughtException", listener: UnhandledListener): unknown;
}

/**
 * Reports every fault; at the first, drains and ends the process. A second one ends it at once: nobody knows what still
 * works then. A fault is a defect of this program, never the normal end of anything. Returns the function that stops
 * watching.
 */
export function watchUnhandledErrors(options: UnhandledOptions): () => void {
  const { report, drain, exit, drainMs, source = process } = options;
  let isEnding = false;
  const onFault: UnhandledListener = (cause, origin) => {
    try {
      report(origin === "unhandledRejection" ? "rejection" : "exception", cause);
    } catch {
      // Nobody can be told any more; to end is left.
    }
    if (isEnding) {
      exit();
      return;
    }
    isEnding = true;
    // It keeps the process alive, so that nothing else decides the code of its end.
    const bound = setTimeout(exit, drainMs);
    const ended = (): void => {
      clearTimeout(bound);
      exit();
    };
    const draining = async (): Promise<void> => drain();
    draining().then(ended, ended);
  };
  source.on("uncaughtException", onFault);
  return () => {
    source.off("uncaughtException", onFault);
  };
}
