// A virtual list of log lines: only the lines in sight are in the page.

import { useEffect, useRef, useState } from "preact/hooks";
import type { NumberedLine } from "../data/log-buffer.ts";
import { text } from "../text.ts";
import { clockText, momentText } from "./format.ts";

/** Height of a row, in CSS pixels. */
const rowHeight = 24;
/** Rows rendered beyond both edges, so that scrolling shows no gap. */
const margin = 12;

/** The list; with `follow` it stays at the newest line until the reader scrolls away. */
export function LogList({ lines, follow }: { readonly lines: readonly NumberedLine[]; readonly follow: boolean }) {
  const box = useRef<HTMLElement>(null);
  const atEnd = useRef(true);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const [open, setOpen] = useState<NumberedLine>();
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const watch = new ResizeObserver(() => setHeight(element.clientHeight));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    const element = box.current;
    if (element !== null && follow && atEnd.current) element.scrollTop = element.scrollHeight;
  }, [lines, follow]);
  const first = Math.max(0, Math.floor(top / rowHeight) - margin);
  const last = Math.min(lines.length, Math.ceil((top + height) / rowHeight) + margin);
  return (
    <div class="log">
      <section
        ref={box}
        class="log-lines"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls has to be reached by keyboard.
        tabIndex={0}
        aria-label={text.logs.lines(lines.length)}
        onScroll={({ currentTarget }) => {
          setTop(currentTarget.scrollTop);
          atEnd.current =
            currentTarget.scrollTop + currentTarget.clientHeight >= currentTarget.scrollHeight - rowHeight;
        }}
      >
        {lines.length === 0 && <p class="quiet none">{text.logs.none}</p>}
        <div style={{ height: `${lines.length * rowHeight}px` }}>
          <ol style={{ transform: `translateY(${first * rowHeight}px)` }}>
            {lines.slice(first, last).map((line) => (
              <li key={line.number} class={line.level}>
                <time dateTime={line.at} title={momentText(line.at)}>
                  {clockText(line.at)}
                </time>
                <span class="level">{line.level}</span>
                <span class="origin">{originOf(line)}</span>
                <button type="button" class="message" onClick={() => setOpen(line)}>
                  {line.message}
                </button>
              </li>
            ))}
          </ol>
        </div>
      </section>
      {open !== undefined && <WholeLine line={open} onClose={() => setOpen(undefined)} />}
    </div>
  );
}

function WholeLine({ line, onClose }: { readonly line: NumberedLine; readonly onClose: () => void }) {
  return (
    <section class="whole-line" aria-label={text.logs.whole}>
      <div class="heading">
        <span class="quiet">
          {momentText(line.at)} {line.level} {originOf(line)}
        </span>
        {line.invocation !== undefined && <code class="quiet">{line.invocation}</code>}
        <button type="button" class="small" onClick={onClose}>
          {text.dialog.close}
        </button>
      </div>
      <pre>{line.message}</pre>
    </section>
  );
}

/** Where a line was written: the node first, since the lines of a call come from the node that ran it. */
function originOf({ node, app, function: name }: NumberedLine): string {
  if (app === undefined) return node;
  return `${node} ${name === undefined ? app : `${app}/${name}`}`;
}
