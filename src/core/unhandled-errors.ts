// What a process does about an exception or a rejection that nothing handled: it logs the error, ends in order, and is
// started again.

/** How the error came about. */
export type UnhandledKind = "exception" | "rejection";

/** What {@link watchUnhandledErrors} does about an error. */
interface UnhandledOptions {
  /** Logs and counts the error. */
  report(kind: UnhandledKind, cause: unknown): void;
  /** Ends the work in order: calls under way first. */
  drain(): Promise<void>;
  /** Ends the process. */
  exit(): void;
  /** The process ends after so long, drained or not. */
  readonly drainMs: number;
  /** Where errors are reported; default the process. */
  readonly source?: UnhandledSource;
}

type UnhandledListener = (cause: unknown, origin: NodeJS.UncaughtExceptionOrigin) => void;

/** The part of `process` that reports errors; rejections come there too, as Node raises those that nothing handles. */
interface UnhandledSource {
  on(event: "uncaughtException", listener: UnhandledListener): unknown;
  off(event: "uncaughtException", listener: UnhandledListener): unknown;
}

/**
 * Reports every error; at the first, drains and ends the process. A second one ends it at once: nobody knows what still
 * works then. An unhandled error is a defect of this program, never the normal end of anything. Returns the function
 * that stops watching.
 */
export function watchUnhandledErrors(options: UnhandledOptions): () => void {
  const { report, drain, exit, drainMs, source = process } = options;
  let isEnding = false;
  const onError: UnhandledListener = (cause, origin) => {
    try {
      report(origin === "unhandledRejection" ? "rejection" : "exception", cause);
    } catch {
      // The log does not work either: ending is all that is left.
    }
    if (isEnding) {
      exit();
      return;
    }
    isEnding = true;
    // The timer keeps the process alive, so that nothing else decides the code of its end.
    const bound = setTimeout(exit, drainMs);
    const ended = (): void => {
      clearTimeout(bound);
      exit();
    };
    const draining = async (): Promise<void> => drain();
    draining().then(ended, ended);
  };
  source.on("uncaughtException", onError);
  return () => {
    source.off("uncaughtException", onError);
  };
}
