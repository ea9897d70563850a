// A part of the page that could not be loaded, most often since the node was updated while the page was open.

import { text } from "../text.ts";

/** Says so, and offers to load the page anew. */
export function Outdated() {
  return (
    <div class="problem" role="alert">
      <strong>{text.outdated.title}</strong>
      <p>{text.outdated.detail}</p>
      <div class="actions">
        <button type="button" onClick={() => location.reload()}>
          {text.outdated.reload}
        </button>
      </div>
    </div>
  );
}
