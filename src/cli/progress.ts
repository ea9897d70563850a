// A spinner on a terminal during a long task; nothing where stderr is no terminal.

/** Runs the task beside a spinner with `text`, which the task may replace, when stderr is a terminal. */
export async function withProgress<Result>(
  text: string,
  task: (show: (text: string) => void) => Promise<Result>,
): Promise<Result> {
  if (!process.stderr.isTTY) return task(() => undefined);
  const { default: spinner } = await import("yocto-spinner");
  const shown = spinner({ text, stream: process.stderr }).start();
  try {
    return await task((other) => {
      if (other !== shown.text) shown.text = other;
    });
  } finally {
    shown.stop();
  }
}
