// The lines of a response that does not end.

/** Receives the parts of a response as they arrive. */
export interface LineEvents {
  /** Called with each line, without its end. */
  readonly onLine: (line: string) => void;
  /** Called with every piece of the response, whole lines or not. */
  readonly onBytes?: () => void;
}

/** Reads lines until the response ends. */
export async function eachLine(response: Response, { onLine, onBytes }: LineEvents): Promise<void> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) return;
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onBytes?.();
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  }
}
