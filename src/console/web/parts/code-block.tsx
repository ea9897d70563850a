// Text in a fixed-width font, in a box that scrolls, also by keyboard.

/** The box; `label` is its accessible name. */
export function CodeBlock({ label, value }: { readonly label: string; readonly value: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls has to be reached by keyboard.
    <section class="code-block" aria-label={label} tabIndex={0}>
      <pre>{value}</pre>
    </section>
  );
}
