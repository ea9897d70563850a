// The lines of a response that goes on.

/** Calls `line` with each line, without its end, and `heard` with every piece that arrives; resolves when the response ends. */
export async function eachLine(
  response: Response,
  { line, heard = () => undefined }: { line: (text: string) => void; heard?: () => void },
): Promise<void> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) return;
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    for (const each of lines) line(each);
  }
}
