// The page and the node are of different versions: a part of the page is gone, or an answer cannot be read.

import { text } from "../text.ts";

/** A part of the page that could not be loaded, most often since the node was updated while the page was open. */
export function Outdated() {
  return <LoadAgain title={text.outdated.title} detail={text.outdated.detail} />;
}

/** An answer, event or log line that the page cannot read; `detail` names it. */
export function Unreadable({ detail }: { readonly detail: string }) {
  return (
    <LoadAgain title={text.unreadable.title} detail={text.unreadable.detail}>
      <code class="quiet code">{detail}</code>
    </LoadAgain>
  );
}

/** A notice with a button that loads the page again, in the version of the node. */
function LoadAgain({
  title,
  detail,
  children,
}: {
  readonly title: string;
  readonly detail: string;
  readonly children?: preact.ComponentChildren;
}) {
  return (
    <div class="problem" role="alert">
      <strong>{title}</strong>
      <p>{detail}</p>
      {children}
      <div class="actions">
        <button type="button" onClick={() => location.reload()}>
          {text.outdated.reload}
        </button>
      </div>
    </div>
  );
}
