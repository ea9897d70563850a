// An error in words: what happened, and how to mend it.

import { ProblemError } from "../data/problem.ts";
import { text } from "../text.ts";

/** An error: the node's problem document, or an exception of the page. */
export function ProblemBox({ error }: { readonly error: unknown }) {
  const known = error instanceof ProblemError;
  const title = known ? error.document.title : text.problems.unexpected;
  const detail = known ? error.document.detail : error instanceof Error ? error.message : String(error);
  const code = known ? error.document.code : undefined;
  const hint = code === undefined ? undefined : text.problems.hints[code];
  return (
    <div class="problem" role="alert">
      <strong>{title}</strong>
      {detail !== undefined && detail !== title && <p>{detail}</p>}
      {known && error.document.where !== undefined && error.document.where !== "" && (
        <p>
          {text.problems.at} <code>{error.document.where}</code>
        </p>
      )}
      {hint !== undefined && <p class="quiet">{hint}</p>}
      {code !== undefined && <code class="quiet code">{code}</code>}
    </div>
  );
}
