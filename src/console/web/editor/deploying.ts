// An upload from the editor: sent as a form of files, refused with the compiler's marks, or a new revision.

import { batch, signal } from "@preact/signals";
import { ask, Problem } from "../data/api.ts";
import type { AppFunction } from "../data/shapes.ts";
import { apps } from "../data/stores.ts";
import type { Draft } from "./drafts.ts";

/** What a deployment became. */
export interface Deployed {
  readonly app: string;
  readonly revision: string;
  readonly functions: readonly AppFunction[];
  readonly nodes: readonly string[];
}

/** The last deployment of this tab: a new app's page tells it too. */
export const lastDeployed = signal<Deployed | undefined>(undefined);

/** Deploys a draft under a name; undefined when it was refused, and the draft says why. `open` undefined keeps who may call it. */
export async function deployDraft(
  draft: Draft,
  { app, open }: { readonly app: string; readonly open: boolean | undefined },
): Promise<Deployed | undefined> {
  const files = draft.files.value;
  const form = new FormData();
  for (const { path, text } of files) form.append("file", new Blob([text], { type: "application/typescript" }), path);
  lastDeployed.value = undefined;
  const query = open === undefined ? "" : `?public=${open}`;
  try {
    const deployed = await ask<Deployed>(`/v1/apps/${encodeURIComponent(app)}${query}`, { method: "PUT", body: form });
    batch(() => {
      draft.base.value = files;
      draft.diagnostics.value = [];
      draft.problem.value = undefined;
      lastDeployed.value = deployed;
    });
    await apps.refresh();
    return deployed;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    batch(() => {
      draft.problem.value = error;
      draft.diagnostics.value = error.body.diagnostics ?? [];
    });
    return undefined;
  }
}
