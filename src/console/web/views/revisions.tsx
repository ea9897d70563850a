// An app's revisions: when and by which token each was deployed, its source, and the roll back to it.

import { useEffect, useState } from "preact/hooks";
import { type App, appSource, rollbackApp } from "../../../api/apps.ts";
import { call } from "../data/requests.ts";
import { apps } from "../data/stores.ts";
import { CodeField } from "../editor/code-field.tsx";
import type { SourceFile } from "../editor/drafts.ts";
import { Confirm, Dialog } from "../parts/dialog.tsx";
import { momentText } from "../parts/format.ts";
import { ProblemBox } from "../parts/problem-box.tsx";
import { text } from "../text.ts";

type Revision = App["revisions"][number];

/** The revisions, newest first. */
export function Revisions({ app }: { readonly app: App }) {
  const [shown, setShown] = useState<Revision>();
  const [wanted, setWanted] = useState<Revision>();
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">{text.functions.revision}</th>
            <th scope="col">{text.revisions.at}</th>
            <th scope="col">{text.revisions.by}</th>
            <th scope="col">
              <span class="unseen">{text.revisions.actions}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {app.revisions.map((one) => (
            <tr key={`${one.revision} ${one.at}`}>
              <th scope="row">
                <code>{one.revision}</code>
                {one.revision === app.revision && <span class="mark">{text.revisions.current}</span>}
              </th>
              <td>{momentText(one.at)}</td>
              <td>
                <code>{one.by}</code>
              </td>
              <td class="actions">
                <button type="button" class="small" onClick={() => setShown(one)}>
                  {text.revisions.source}
                </button>
                {one.revision !== app.revision && (
                  <button type="button" class="small" onClick={() => setWanted(one)}>
                    {text.revisions.rollBack}
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {shown !== undefined && <SourceOf app={app.app} revision={shown.revision} onClose={() => setShown(undefined)} />}
      {wanted !== undefined && (
        <Confirm
          title={text.revisions.rollBackTitle(wanted.revision)}
          detail={text.revisions.rollBackDetail(app.app)}
          verb={text.revisions.rollBack}
          act={async () => {
            await call(rollbackApp, { parameters: { app: app.app }, body: { revision: wanted.revision } });
            await apps.refresh();
          }}
          onClose={() => setWanted(undefined)}
        />
      )}
    </div>
  );
}

function SourceOf({
  app,
  revision,
  onClose,
}: {
  readonly app: string;
  readonly revision: string;
  readonly onClose: () => void;
}) {
  const [files, setFiles] = useState<readonly SourceFile[]>();
  const [problem, setProblem] = useState<unknown>();
  useEffect(() => {
    const request = { parameters: { app }, query: { revision } };
    call(appSource, request).then((source) => setFiles(source.files), setProblem);
  }, [app, revision]);
  return (
    <Dialog title={`${app} ${revision}`} onClose={onClose}>
      {problem !== undefined && <ProblemBox error={problem} />}
      <div class="source-view">
        {files?.map(({ path, text: source }) => (
          <section key={path}>
            <h3>{path}</h3>
            <CodeField label={path} value={source} diagnostics={none} readOnly={true} />
          </section>
        ))}
      </div>
      <div class="actions end">
        <button type="button" onClick={onClose}>
          {text.dialog.close}
        </button>
      </div>
    </Dialog>
  );
}

const none = [] as const;
