// Source that is being edited, kept while the page is open: another view or a new sign-in loses nothing of it.

import { type Signal, signal } from "@preact/signals";
import type { AppSource } from "../../../api/apps.ts";
import type { Diagnostic } from "../../../api/problem-document.ts";
import type { ProblemError } from "../data/problem.ts";

/** A source file: its path in the upload, and its text. */
export type SourceFile = AppSource["files"][number];

/** The files that are edited, and the result of their last deployment. */
export interface Draft {
  readonly files: Signal<readonly SourceFile[]>;
  /** Path of the file that is shown. */
  readonly shown: Signal<string>;
  readonly diagnostics: Signal<readonly Diagnostic[]>;
  readonly problem: Signal<ProblemError | undefined>;
  /** How often the files were replaced as a whole: with each replacement the editor starts again. */
  readonly replaced: Signal<number>;
  /** The files as they are deployed: what differs from them was changed. */
  readonly base: Signal<readonly SourceFile[]>;
}

const drafts = new Map<string, Draft>();

/** The draft of an app, or of a new one (""). A new draft is empty. */
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

/** Replaces the files of a draft. */
export function startFrom(draft: Draft, files: readonly SourceFile[]): void {
  draft.files.value = files;
  draft.shown.value = files[0]?.path ?? "";
  draft.diagnostics.value = [];
  draft.problem.value = undefined;
  draft.replaced.value++;
}

/** Whether a draft was changed since its files were read or deployed. */
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
