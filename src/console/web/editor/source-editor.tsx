// Editing an app's files: tabs, the editor, the deployment, and the compiler's diagnostics.

import { useEffect, useState } from "preact/hooks";
import type { DeployedApp } from "../../../api/apps.ts";
import type { Diagnostic } from "../../../api/problem-document.ts";
import { linkTo } from "../data/address.ts";
import { ProblemBox } from "../parts/problem-box.tsx";
import { text } from "../text.ts";
import { CodeField, type Place } from "./code-field.tsx";
import { deployDraft, lastDeployed } from "./deploying.ts";
import { type Draft, isChanged, startFrom } from "./drafts.ts";
import { FileTabs } from "./file-tabs.tsx";
import { readDropped } from "./uploads.ts";

/** Edits a draft and deploys it as `app`; `onUpload` receives the name of the file or folder that was dropped. */
export function SourceEditor(props: {
  readonly draft: Draft;
  readonly app: string;
  readonly open: boolean | undefined;
  readonly onUpload?: (name: string) => void;
  readonly onDeployed?: (deployed: DeployedApp) => void;
}) {
  const { draft, app, open } = props;
  const [place, setPlace] = useState<Place>();
  const [began, setBegan] = useState<number>();
  const [over, setOver] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const files = draft.files.value;
  const shown = files.find(({ path }) => path === draft.shown.value) ?? files[0];
  const deploy = async (): Promise<void> => {
    if (began !== undefined || files.length === 0) return;
    setBegan(performance.now());
    setFailure(undefined);
    try {
      const done = await deployDraft(draft, { app, open });
      if (done !== undefined) props.onDeployed?.(done);
    } catch (error) {
      setFailure(error);
    } finally {
      setBegan(undefined);
    }
  };
  const drop = async (event: DragEvent): Promise<void> => {
    event.preventDefault();
    setOver(false);
    if (event.dataTransfer === null) return;
    setFailure(undefined);
    const upload = await readDropped(event.dataTransfer);
    if (upload.files.length === 0) {
      setFailure(new Error(text.editor.nothingDropped));
      return;
    }
    startFrom(draft, upload.files);
    props.onUpload?.(upload.name);
  };
  const jump = (one: Diagnostic): void => {
    draft.shown.value = one.file;
    setPlace({ line: one.line, column: one.column });
  };
  return (
    <section
      class={over ? "editor over" : "editor"}
      aria-label={text.editor.label}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => void drop(event)}
    >
      <FileTabs draft={draft} onUpload={props.onUpload} />
      {shown === undefined ? (
        <div class="code-field" />
      ) : (
        <CodeField
          key={`${draft.replaced.value} ${shown.path}`}
          label={text.editor.file(shown.path)}
          value={shown.text}
          place={place}
          diagnostics={marksOf(draft, shown.path)}
          onInput={(typed) => {
            draft.files.value = draft.files.value.map((one) =>
              one.path === shown.path ? { path: one.path, text: typed } : one,
            );
          }}
          onSubmit={() => void deploy()}
        />
      )}
      <div class="deploy-bar">
        <button
          type="button"
          class="primary"
          disabled={began !== undefined || app === "" || files.length === 0}
          onClick={() => void deploy()}
        >
          {text.editor.deploy}
        </button>
        <DeployState
          began={began}
          deployed={lastDeployed.value?.app === app ? lastDeployed.value : undefined}
          changed={isChanged(draft)}
        />
        <span class="quiet hint">{text.editor.keys}</span>
      </div>
      {failure !== undefined && <ProblemBox error={failure} />}
      {draft.problem.value !== undefined && <Refused draft={draft} onJump={jump} />}
    </section>
  );
}

/** The diagnostics of a file; the same array while they are the same, since the editor marks each new array. */
function marksOf({ diagnostics }: Draft, path: string): readonly Diagnostic[] {
  const all = diagnostics.value;
  return all.every(({ file }) => file === path) ? all : all.filter(({ file }) => file === path);
}

function DeployState({
  began,
  deployed,
  changed,
}: {
  readonly began: number | undefined;
  readonly deployed: DeployedApp | undefined;
  readonly changed: boolean;
}) {
  const [, tick] = useState(0);
  useEffect(() => {
    if (began === undefined) return undefined;
    const timer = setInterval(() => tick((count) => count + 1), 100);
    return () => clearInterval(timer);
  }, [began]);
  const seconds = began === undefined ? 0 : (performance.now() - began) / 1_000;
  return (
    <div class="deploy-state">
      {began !== undefined && <progress aria-label={text.editor.deploying} />}
      <span role="status">
        {began !== undefined && text.editor.deploying}
        {began === undefined && deployed !== undefined && !changed && (
          <span class="good">{text.editor.deployed(deployed)}</span>
        )}
        {began === undefined && changed && text.editor.changed}
      </span>
      {began !== undefined && <span class="number">{seconds.toFixed(1)} s</span>}
      {began === undefined && deployed?.functions[0] !== undefined && !changed && (
        <a href={linkTo("apps", deployed.app, "try", deployed.functions[0].name)}>{text.functions.tryIt}</a>
      )}
    </div>
  );
}

function Refused({ draft, onJump }: { readonly draft: Draft; readonly onJump: (one: Diagnostic) => void }) {
  const marks = draft.diagnostics.value;
  if (marks.length === 0) return <ProblemBox error={draft.problem.value} />;
  return (
    <div class="problem" role="alert">
      <strong>{text.editor.refused(marks.length)}</strong>
      <ol class="diagnostics">
        {marks.map((one, index) => (
          <li key={index}>
            <button type="button" class="link" onClick={() => onJump(one)}>
              <code>{`${one.file}:${one.line}:${one.column}`}</code>
            </button>{" "}
            <span class="message">{one.message}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}
