// The files of an app as tabs, with buttons that add and remove files.

import { useRef, useState } from "preact/hooks";
import { text } from "../text.ts";
import { type Draft, startFrom } from "./drafts.ts";
import { readChosen } from "./uploads.ts";

/** The tabs of a draft; `onUpload` receives the name of the file or folder that was chosen from disk. */
export function FileTabs({
  draft,
  onUpload,
}: {
  readonly draft: Draft;
  readonly onUpload?: ((name: string) => void) | undefined;
}) {
  const files = draft.files.value;
  return (
    <div class="file-bar">
      <ul class="files" aria-label={text.editor.files}>
        {files.map(({ path }) => (
          <li key={path}>
            <button
              type="button"
              class="tab"
              aria-pressed={path === draft.shown.value}
              onClick={() => {
                draft.shown.value = path;
              }}
            >
              {path}
              {draft.diagnostics.value.some(({ file }) => file === path) && (
                <span class="bad"> {text.editor.hasErrors}</span>
              )}
            </button>
          </li>
        ))}
      </ul>
      <div class="actions">
        <AddFile draft={draft} />
        {files.length > 1 && (
          <button
            type="button"
            class="small"
            onClick={() => {
              draft.files.value = files.filter(({ path }) => path !== draft.shown.value);
              draft.shown.value = draft.files.value[0]?.path ?? "";
            }}
          >
            {text.editor.removeFile(draft.shown.value)}
          </button>
        )}
        <Choose draft={draft} onUpload={onUpload} folder={false} />
        <Choose draft={draft} onUpload={onUpload} folder={true} />
      </div>
    </div>
  );
}

function AddFile({ draft }: { readonly draft: Draft }) {
  const [name, setName] = useState<string>();
  if (name === undefined) {
    return (
      <button type="button" class="small" onClick={() => setName("")}>
        {text.editor.addFile}
      </button>
    );
  }
  const add = (): void => {
    const path = name.trim().replace(/(\.ts)?$/, ".ts");
    setName(undefined);
    if (path === ".ts") return;
    if (!draft.files.value.some((file) => file.path === path)) {
      draft.files.value = [...draft.files.value, { path, text: "" }];
    }
    draft.shown.value = path;
  };
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        add();
      }}
    >
      <input
        autofocus
        aria-label={text.editor.fileName}
        placeholder="part.ts"
        value={name}
        onInput={(event) => setName(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") setName(undefined);
        }}
      />
      <button type="submit" class="small">
        {text.editor.add}
      </button>
    </form>
  );
}

function Choose({
  draft,
  onUpload,
  folder,
}: {
  readonly draft: Draft;
  readonly onUpload: ((name: string) => void) | undefined;
  readonly folder: boolean;
}) {
  const input = useRef<HTMLInputElement>(null);
  const label = folder ? text.editor.chooseFolder : text.editor.chooseFiles;
  return (
    <>
      <button type="button" class="small" onClick={() => input.current?.click()}>
        {label}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        multiple
        accept=".ts"
        aria-label={label}
        {...(folder ? { webkitdirectory: true } : {})}
        onChange={async (event) => {
          const { files } = event.currentTarget;
          if (files === null) return;
          const upload = await readChosen(files);
          if (upload.files.length > 0) {
            startFrom(draft, upload.files);
            onUpload?.(upload.name);
          }
          if (input.current !== null) input.current.value = "";
        }}
      />
    </>
  );
}
