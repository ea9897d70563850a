// Reads dropped or chosen files for an upload: .ts files, their paths counted from what was dropped.

import type { SourceFile } from "./drafts.ts";

/** Files for an app, and a name for it, made of the name of the file or folder that they came from. */
export interface Upload {
  readonly name: string;
  readonly files: readonly SourceFile[];
}

/** More files than the node accepts: a folder that was dropped by mistake is not read to its end. */
const mostFiles = 500;
const passedOver = /^(\.|node_modules$|dist$)/;

/** Reads dropped files and folders. */
export async function readDropped(transfer: DataTransfer): Promise<Upload> {
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  const [only] = entries;
  // A single folder is the app: its own name is no part of the paths.
  const single = entries.length === 1 && only?.isDirectory === true;
  const files: SourceFile[] = [];
  for (const entry of entries) await readEntry(entry, { path: single ? "" : entry.name, files });
  return { name: nameFrom(only?.name ?? ""), files: entryFirst(files) };
}

/** Reads the files that were chosen in a file dialog. */
export async function readChosen(list: FileList): Promise<Upload> {
  const files: SourceFile[] = [];
  let name = "";
  for (const file of list) {
    // When a folder was chosen, its name is the first part of each path.
    const parts = (file.webkitRelativePath || file.name).split("/");
    name ||= parts[0] ?? "";
    const inside = parts.length > 1 ? parts.slice(1) : parts;
    if (inside.some((part) => passedOver.test(part)) || !file.name.endsWith(".ts") || files.length >= mostFiles)
      continue;
    files.push({ path: inside.join("/"), text: await file.text() });
  }
  return { name: nameFrom(name), files: entryFirst(files) };
}

async function readEntry(
  entry: FileSystemEntry,
  { path, files }: { path: string; files: SourceFile[] },
): Promise<void> {
  if (files.length >= mostFiles) return;
  if (isFile(entry)) {
    if (!entry.name.endsWith(".ts")) return;
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    files.push({ path, text: await file.text() });
  } else if (isFolder(entry)) {
    const reader = entry.createReader();
    // A reader returns at most a hundred entries at a time.
    for (;;) {
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
      if (some.length === 0) return;
      for (const each of some) {
        if (passedOver.test(each.name)) continue;
        await readEntry(each, { path: path === "" ? each.name : `${path}/${each.name}`, files });
      }
    }
  }
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

/** The name of a file or folder as the name of an app: small letters, digits and hyphens after a letter. */
function nameFrom(name: string): string {
  return name
    .replace(/\.ts$/, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "")
    .slice(0, 63);
}

function entryFirst(files: readonly SourceFile[]): SourceFile[] {
  const rank = ({ path }: SourceFile): number => (path === "index.ts" ? 0 : 1);
  return [...files].sort((a, b) => rank(a) - rank(b) || a.path.localeCompare(b.path, "en"));
}
