// A spinner on a terminal while something takes its time; silence where nobody looks.

/** The task's result; shows `text` with a spinner meanwhile when stderr is a terminal. */
export async function withProgress<Result>(text: string, task: () => Promise<Result>): Promise<Result> {
  if (!process.stderr.isTTY) return task();
  const { default: spinner } = await import("yocto-spinner");
  const shown = spinner({ text, stream: process.stderr }).start();
  try {
    return await task();
  } finally {
    shown.stop();
  }
}
