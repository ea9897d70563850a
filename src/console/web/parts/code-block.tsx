// A text of fixed width that scrolls by itself, also by keyboard.

/** The text; `label` names it. */
export function CodeBlock({ label, value }: { readonly label: string; readonly value: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard.
    <section class="code-block" aria-label={label} tabIndex={0}>
      <pre>{value}</pre>
    </section>
  );
}
