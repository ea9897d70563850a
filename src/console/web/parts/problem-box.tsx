// An error as people read it: what happened, and how to mend it.

import { Problem } from "../data/api.ts";
import { text } from "../text.ts";

/** An error in words. */
export function ProblemBox({ error }: { readonly error: unknown }) {
  const known = error instanceof Problem;
  const title = known ? error.body.title : text.problems.unexpected;
  const detail = known ? error.body.detail : error instanceof Error ? error.message : String(error);
  const code = known ? error.body.code : undefined;
  const hint = code === undefined ? undefined : text.problems.hints[code];
  return (
    <div class="problem" role="alert">
      <strong>{title}</strong>
      {detail !== undefined && detail !== title && <p>{detail}</p>}
      {known && error.body.where !== undefined && (
        <p>
          {text.problems.at} <code>{error.body.where}</code>
        </p>
      )}
      {hint !== undefined && <p class="quiet">{hint}</p>}
      {code !== undefined && <code class="quiet code">{code}</code>}
    </div>
  );
}
