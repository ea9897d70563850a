// The editor as a part of the page: loaded when it is first shown, plain text until then.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Diagnostic } from "../../../api/problem-document.ts";
import { Outdated } from "../parts/outdated.tsx";
import { text } from "../text.ts";
import type { CodeEditor } from "./code-mirror.ts";

/** A place in the text, from 1; a new object moves the cursor again, even to the same place. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/**
 * Edits the text of one file. The field reads `value` once, when it is mounted: a caller that replaces the text, or
 * shows another file, passes another `key`.
 */
export function CodeField(props: {
  readonly label: string;
  readonly value: string;
  readonly diagnostics: readonly Diagnostic[];
  readonly place?: Place | undefined;
  readonly readOnly?: boolean;
  readonly onInput?: (value: string) => void;
  readonly onSubmit?: () => void;
}) {
  const { label, value, diagnostics, place, readOnly = false } = props;
  const host = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const [editor, setEditor] = useState<CodeEditor>();
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let gone = false;
    let made: CodeEditor | undefined;
    const begin = ({ CodeEditor }: typeof import("./code-mirror.ts")): void => {
      const element = host.current;
      if (gone || element === null) return;
      const root = element.shadowRoot ?? element.attachShadow({ mode: "open" });
      made = new CodeEditor({
        root,
        label,
        readOnly,
        text: latest.current.value,
        onInput: (typed) => latest.current.onInput?.(typed),
        onSubmit: () => latest.current.onSubmit?.(),
      });
      setEditor(made);
    };
    import("./code-mirror.ts").then(begin, () => setFailed(true));
    return () => {
      gone = true;
      made?.destroy();
    };
  }, [label, readOnly]);
  useEffect(() => editor?.mark(diagnostics), [editor, diagnostics]);
  useEffect(() => {
    if (place !== undefined) editor?.goTo(place);
  }, [editor, place]);
  if (failed) return <Outdated />;
  return (
    <div class="code-field">
      <div ref={host} class="code-host" />
      {editor === undefined && <pre class="code-waiting">{value === "" ? text.loading : value}</pre>}
    </div>
  );
}
