// A button that copies a text and confirms it.

import { useEffect, useState } from "preact/hooks";
import { text } from "../text.ts";

/** Copies `value`; `what` names it for screen readers. */
export function CopyButton({ value, what }: { readonly value: string; readonly what: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), 2_000);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <button
      type="button"
      class="small"
      {...(copied ? {} : { "aria-label": text.copy.label(what) })}
      onClick={async () => {
        await navigator.clipboard.writeText(value);
        setCopied(true);
      }}
    >
      <span aria-live="polite">{copied ? text.copy.done : text.copy.button}</span>
    </button>
  );
}
