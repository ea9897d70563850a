// An upload's body as source files: one text, or multipart/form-data with relative paths as file names.

import { checkFileCount, checkSourcePath, checkSources } from "../../../runtime/compile/source/upload-files.js";
import { HerdError } from "../../core/errors.js";
import type { SourceFile, SourceLimits } from "../../core/source-file.js";
import { utf8Text } from "../../core/utf8.js";

/** Bytes of a multipart body for each file beside its text: boundary, headers and name. */
const overheadBytesPerFile = 1_024;

type UploadReader = (body: Buffer) => Promise<SourceFile[]> | SourceFile[];

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
    return (body) => checked([{ path: "index.ts", text: textOf(body, "index.ts") }], limits);
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
): Promise<SourceFile[]> {
  checkFileCount(partCount(body, { contentType, enough: limits.sourceFiles + 1 }), limits);
  const files: SourceFile[] = [];
  for (const part of await partsOf(body, contentType)) {
    if (typeof part === "string") throw malformed("each part of the form is a file with a filename");
    checkSourcePath(part.name);
    files.push({ path: part.name, text: textOf(new Uint8Array(await part.arrayBuffer()), part.name) });
  }
  return checked(files, limits);
}

/** The files, once they fit the rules that the compiler has for them: a client learns of a fault before it waits. */
function checked(files: SourceFile[], limits: SourceLimits): SourceFile[] {
  checkSources(files, limits);
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

function textOf(bytes: Uint8Array, path: string): string {
  return utf8Text(bytes, ({ detail, line, column }) => {
    return new HerdError("request.malformed", `${path} ${detail}`, { where: `${path}:${line}:${column}` });
  });
}

function malformed(detail: string): HerdError {
  return new HerdError("request.malformed", detail);
}
