// Source that is being edited, kept while the page is open: a look at another view or a new sign-in loses none of it.

import { type Signal, signal } from "@preact/signals";
import type { Diagnostic, Problem } from "../data/api.ts";
import type { SourceFile } from "../data/shapes.ts";

/** What is edited, and what came of deploying it. */
export interface Draft {
  readonly files: Signal<readonly SourceFile[]>;
  /** Path of the file that is shown. */
  readonly shown: Signal<string>;
  readonly diagnostics: Signal<readonly Diagnostic[]>;
  readonly problem: Signal<Problem | undefined>;
  /** Counts how often the files were replaced as a whole: the editor starts anew then. */
  readonly replaced: Signal<number>;
  /** The files as they are deployed, to tell what was changed. */
  readonly base: Signal<readonly SourceFile[]>;
}

const drafts = new Map<string, Draft>();

/** The draft of an app, or of a new one (""); empty when it is new. */
export function draftOf(app: string): Draft {
  const known = drafts.get(app);
  if (known !== undefined) return known;
  const made: Draft = {
    files: signal([]),
    shown: signal(""),
    diagnostics: signal([]),
    problem: signal(undefined),
    replaced: signal(0),
    base: signal([]),
  };
  drafts.set(app, made);
  return made;
}

/** Replaces what is edited. */
export function startFrom(draft: Draft, files: readonly SourceFile[]): void {
  draft.files.value = files;
  draft.shown.value = files[0]?.path ?? "";
  draft.diagnostics.value = [];
  draft.problem.value = undefined;
  draft.replaced.value++;
}

/** Whether something was changed since it was read or deployed. */
export function isChanged({ files, base }: Draft): boolean {
  const [now, then] = [files.value, base.value];
  return (
    now.length !== then.length || now.some(({ path, text }, at) => then[at]?.path !== path || then[at].text !== text)
  );
}

/** Forgets the draft of an app. */
export function forgetDraft(app: string): void {
  drafts.delete(app);
}
