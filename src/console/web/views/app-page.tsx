// One app: its functions, its source to edit, its revisions, and each function to try.

import { useEffect, useState } from "preact/hooks";
import { type App, appSource, removeApp } from "../../../api/apps.ts";
import { goTo, linkTo } from "../data/address.ts";
import { ProblemError } from "../data/problem.ts";
import { call } from "../data/requests.ts";
import { apps } from "../data/stores.ts";
import { draftOf, forgetDraft, isChanged, startFrom } from "../editor/drafts.ts";
import { SourceEditor } from "../editor/source-editor.tsx";
import { Confirm } from "../parts/dialog.tsx";
import { ProblemBox } from "../parts/problem-box.tsx";
import { text } from "../text.ts";
import { TryIt } from "../try/try-it.tsx";
import { AppFacts, FunctionTable } from "./functions.tsx";
import { Revisions } from "./revisions.tsx";

const tabs = ["functions", "source", "revisions"] as const;

/** The view of an app; `callable` names the function of the tab `try`. */
export function AppPage({
  name,
  tab,
  callable,
}: {
  readonly name: string;
  readonly tab: string;
  readonly callable: string | undefined;
}) {
  const list = apps.value.value;
  const app = list?.find((one) => one.app === name);
  const [removing, setRemoving] = useState(false);
  if (list === undefined) {
    const problem = apps.problem.value;
    return problem === undefined ? <p class="quiet loading">{text.loading}</p> : <ProblemBox error={problem} />;
  }
  if (app === undefined) {
    return (
      <div class="empty">
        <p>{text.app.unknown(name)}</p>
        <a href="#/">{text.shell.functions}</a>
      </div>
    );
  }
  return (
    <>
      <div class="heading">
        <h1>{name}</h1>
        <AppFacts app={app} />
        <button type="button" class="small danger" onClick={() => setRemoving(true)}>
          {text.app.remove}
        </button>
      </div>
      <nav class="tabs" aria-label={text.app.parts}>
        {tabs.map((one) => (
          <a
            key={one}
            class="place"
            href={linkTo("apps", name, one)}
            {...(tab === one || (one === "functions" && tab === "try") ? { "aria-current": "page" as const } : {})}
          >
            {text.app.tabs[one]}
          </a>
        ))}
      </nav>
      {tab === "functions" && <FunctionTable app={app} />}
      {tab === "source" && <Source app={app} />}
      {tab === "revisions" && <Revisions app={app} />}
      {tab === "try" && <Try app={app} callable={callable} />}
      {removing && (
        <Confirm
          title={text.app.removeTitle(name)}
          detail={text.app.removeDetail}
          verb={text.app.remove}
          act={async () => {
            await call(removeApp, { parameters: { app: name } });
            forgetDraft(name);
            goTo();
            await apps.refresh();
          }}
          onClose={() => setRemoving(false)}
        />
      )}
    </>
  );
}

function Try({ app, callable }: { readonly app: App; readonly callable: string | undefined }) {
  const found = app.functions.find(({ name }) => name === callable);
  if (found === undefined) return <p>{text.app.noFunction(callable ?? "")}</p>;
  // A new revision may have another interface under the same name, which needs a new form.
  return <TryIt key={`${found.name} ${app.revision}`} app={app} callable={found} />;
}

function Source({ app }: { readonly app: App }) {
  const draft = draftOf(app.app);
  const [problem, setProblem] = useState<ProblemError>();
  const [open, setOpen] = useState<boolean>();
  useEffect(() => {
    // Typed source is kept when somebody else has deployed meanwhile.
    if (isChanged(draft)) return;
    const read = async (): Promise<void> => {
      try {
        const source = await call(appSource, { parameters: { app: app.app } });
        if (isChanged(draft)) return;
        const shown = draft.shown.value;
        draft.base.value = source.files;
        startFrom(draft, source.files);
        if (source.files.some(({ path }) => path === shown)) draft.shown.value = shown;
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error;
        setProblem(error);
      }
    };
    void read();
  }, [app.app, app.revision, draft]);
  if (problem !== undefined) return <ProblemBox error={problem} />;
  return (
    <>
      <label class="check">
        <input
          type="checkbox"
          checked={open ?? app.public}
          onChange={(event) => setOpen(event.currentTarget.checked)}
        />
        {text.newApp.public}
      </label>
      <SourceEditor draft={draft} app={app.app} open={open} />
    </>
  );
}
