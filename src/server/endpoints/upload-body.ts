// An upload's body as source files: one text, or multipart/form-data with relative paths as file names.

import type { StoredSource } from "../../catalog/model.js";
import { HerdError } from "../../core/errors.js";
import type { Limits } from "../../core/limits.js";
import { utf8Text } from "../../core/utf8.js";

/** Bytes of a multipart body for each file beside its text: boundary, headers and name. */
const overheadBytesPerFile = 1_024;

type SourceLimits = Pick<Limits, "sourceBytes" | "sourceFiles">;
type UploadReader = (body: Buffer) => Promise<StoredSource[]> | StoredSource[];

/** The largest body of an upload, in bytes. */
export function uploadLimitBytes(limits: SourceLimits): number {
  return limits.sourceBytes + limits.sourceFiles * overheadBytesPerFile;
}

/**
 * The reader for an upload of that content type, before any of its body is read. Throws `media.unsupported`; the reader
 * throws `request.malformed` and `request.too-large`.
 */
export function readUpload(contentType: string | undefined, limits: SourceLimits): UploadReader {
  const type = contentType?.split(";")[0]?.trim().toLowerCase();
  if (type === "text/plain" || type === "application/typescript") {
    return (body) => {
      checkSize(body.length, limits);
      return [{ path: "index.ts", text: textOf(body, "index.ts") }];
    };
  }
  if (type === "multipart/form-data") return (body) => readForm(body, { contentType: contentType ?? "", limits });
  throw new HerdError(
    "media.unsupported",
    "an upload is text/plain or application/typescript (one file) or multipart/form-data (several)",
  );
}

async function readForm(
  body: Buffer,
  { contentType, limits }: { contentType: string; limits: SourceLimits },
): Promise<StoredSource[]> {
  const files: StoredSource[] = [];
  const seen = new Set<string>();
  let bytes = 0;
  checkCount(partCount(body, { contentType, enough: limits.sourceFiles + 1 }), limits);
  for (const value of await partsOf(body, contentType)) {
    if (typeof value === "string") throw malformed("each part of the form is a file with a filename");
    const path = checkPath(value.name);
    if (seen.has(path)) throw malformed(`the file ${shown(path)} is there twice`);
    seen.add(path);
    bytes += value.size;
    checkSize(bytes, limits);
    checkCount(seen.size, limits);
    files.push({ path, text: textOf(new Uint8Array(await value.arrayBuffer()), path) });
  }
  if (files.length === 0) throw malformed("the form holds no file");
  return files;
}

async function partsOf(body: Buffer, contentType: string): Promise<(string | File)[]> {
  try {
    const form = await new Response(new Uint8Array(body), { headers: { "content-type": contentType } }).formData();
    return [...form.values()];
  } catch (error) {
    throw new HerdError("request.malformed", "the body is no multipart/form-data", { cause: error });
  }
}

/** A file's path, unchanged. Throws for a path that could name a file outside of the upload. */
function checkPath(path: string): string {
  const segments = path.split("/");
  // Control characters are among the unsafe ones.
  const unsafe = path.includes("\\") || path.includes(":") || [...path].some((character) => character < " ");
  const climbs = segments.some((segment) => segment === "" || segment === "." || segment === "..");
  if (path.length > 256 || unsafe || climbs) {
    throw malformed(`${shown(path)} is no relative path with forward slashes`);
  }
  if (!path.endsWith(".ts")) throw malformed(`${shown(path)} is no .ts file`);
  return path;
}

/**
 * Parts of a form, counted up to `enough`, before the form is parsed: to parse thousands of parts blocks the thread
 * (RFC 2046, section 5.1.1).
 */
function partCount(body: Buffer, { contentType, enough }: { contentType: string; enough: number }): number {
  const boundary = /;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType);
  const text = boundary?.[1] ?? boundary?.[2];
  if (text === undefined) return 0;
  const delimiter = Buffer.from(`--${text}\r\n`);
  let count = 0;
  for (let at = body.indexOf(delimiter); at >= 0 && count < enough; count++) {
    at = body.indexOf(delimiter, at + delimiter.length);
  }
  return count;
}

function checkCount(files: number, { sourceFiles }: SourceLimits): void {
  if (files > sourceFiles) throw new HerdError("request.too-large", `an upload has at most ${sourceFiles} files`);
}

function checkSize(bytes: number, { sourceBytes }: SourceLimits): void {
  if (bytes > sourceBytes) throw new HerdError("request.too-large", `the source is larger than ${sourceBytes} bytes`);
}

function textOf(bytes: Uint8Array, path: string): string {
  return utf8Text(bytes, ({ detail, line, column }) => {
    return new HerdError("request.malformed", `${path} ${detail}`, { where: `${path}:${line}:${column}` });
  });
}

function malformed(detail: string): HerdError {
  return new HerdError("request.malformed", detail);
}

function shown(path: string): string {
  return JSON.stringify(path.slice(0, 80));
}
