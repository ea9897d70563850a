// A new app: its name, its template, and whether calls need a token.

import { signal } from "@preact/signals";
import { useId } from "preact/hooks";
import { isAppName } from "../../../core/app-name.ts";
import { goTo } from "../data/address.ts";
import { apps } from "../data/stores.ts";
import { draftOf, forgetDraft, isChanged, startFrom } from "../editor/drafts.ts";
import { SourceEditor } from "../editor/source-editor.tsx";
import { type Template, templates } from "../editor/templates.ts";
import { text } from "../text.ts";

/** The name and the choice outlive the view, as the draft does. */
const name = signal("");
const open = signal(false);

function begin({ id, source }: Template): void {
  const draft = draftOf("");
  const files = [{ path: "index.ts", text: source }];
  draft.base.value = files;
  startFrom(draft, files);
  name.value = id;
}

/** The view. */
export function NewApp() {
  const draft = draftOf("");
  const id = useId();
  const [first] = templates;
  if (draft.files.value.length === 0 && first !== undefined) begin(first);
  const taken = apps.value.value?.some(({ app }) => app === name.value) === true;
  const valid = isAppName(name.value);
  return (
    <>
      <h1>{text.newApp.title}</h1>
      <div class="fields">
        <div class="field">
          <label for={`${id}-name`}>{text.newApp.name}</label>
          <input
            id={`${id}-name`}
            value={name.value}
            spellcheck={false}
            autocomplete="off"
            aria-invalid={!valid}
            aria-describedby={`${id}-rule`}
            onInput={(event) => {
              name.value = event.currentTarget.value;
            }}
          />
          <span id={`${id}-rule`} class={!valid ? "bad" : taken ? "warn" : "quiet"}>
            {taken ? text.newApp.taken(name.value) : text.newApp.nameRule}
          </span>
        </div>
        <div class="field">
          <label for={`${id}-template`}>{text.newApp.template}</label>
          <select
            id={`${id}-template`}
            onChange={(event) => {
              const chosen = templates.find((one) => one.id === event.currentTarget.value);
              if (chosen !== undefined && (!isChanged(draft) || confirm(text.newApp.replace))) begin(chosen);
            }}
          >
            {templates.map((one) => (
              <option key={one.id} value={one.id}>
                {one.label}
              </option>
            ))}
          </select>
          <span class="quiet">{text.newApp.orDrop}</span>
        </div>
        <label class="check">
          <input
            type="checkbox"
            checked={open.value}
            onChange={(event) => {
              open.value = event.currentTarget.checked;
            }}
          />
          {text.newApp.public}
        </label>
      </div>
      <SourceEditor
        draft={draft}
        app={valid ? name.value : ""}
        open={open.value}
        onUpload={(dropped) => {
          if (dropped !== "") name.value = dropped === "index" ? name.value : dropped;
        }}
        onDeployed={({ app }) => {
          forgetDraft("");
          goTo("apps", app, "source");
        }}
      />
    </>
  );
}
