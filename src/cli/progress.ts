// A spinner on a terminal while something takes its time; silence where nobody looks.

/** The task's result; shows `text`, or what the task has to say, with a spinner meanwhile when stderr is a terminal. */
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
