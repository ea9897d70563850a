// An upload from the editor: a form of files that becomes a new revision, or is refused with the compiler's marks.

import { batch, signal } from "@preact/signals";
import { type DeployedApp, deployApp } from "../../../api/apps.ts";
import { ProblemError } from "../data/problem.ts";
import { call } from "../data/requests.ts";
import { apps } from "../data/stores.ts";
import type { Draft } from "./drafts.ts";

/** The last deployment of this tab: the page of a new app shows it too. */
export const lastDeployed = signal<DeployedApp | undefined>(undefined);

/**
 * Deploys a draft under a name; undefined when the node refused it, and the draft holds the reason. `open`: whether
 * calls need no token; undefined keeps the app's setting.
 */
export async function deployDraft(
  draft: Draft,
  { app, open }: { readonly app: string; readonly open: boolean | undefined },
): Promise<DeployedApp | undefined> {
  const files = draft.files.value;
  const form = new FormData();
  for (const { path, text } of files) form.append("file", new Blob([text], { type: "application/typescript" }), path);
  lastDeployed.value = undefined;
  const query = { public: open === undefined ? undefined : (`${open}` as const) };
  try {
    const deployed = await call(deployApp, { parameters: { app }, query, form });
    batch(() => {
      draft.base.value = files;
      draft.diagnostics.value = [];
      draft.problem.value = undefined;
      lastDeployed.value = deployed;
    });
    await apps.refresh();
    return deployed;
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    batch(() => {
      draft.problem.value = error;
      draft.diagnostics.value = error.document.diagnostics ?? [];
    });
    return undefined;
  }
}
