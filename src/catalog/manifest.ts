// A manifest: a signed change of one app. Its shape and its limits.

import * as z from "zod";
import { isAppName } from "../core/app-name.js";
import { HerdError } from "../core/errors.js";
import { decodeSigned, encodeSigned, recordId, type Signed, signedLimitBytes } from "../core/signed.js";
import { revisionOf } from "./entry.js";

/** The largest component and the largest stored source (as JSON) that a mesh spreads, in bytes. */
export const componentLimitBytes = 32 * 1024 * 1024;
/** See {@link componentLimitBytes}. */
export const sourceLimitBytes = 16 * 1024 * 1024;
/** The highest version of an app; beyond it, changes are ordered by their time. */
export const maxVersion = 2 ** 48;
/** Characters of a change's `by`. */
export const byLimit = 200;

const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));
const change = {
  kind: z.literal("manifest"),
  mesh: hex(32),
  app: z.string().refine(isAppName),
  version: z.int().min(1).max(maxVersion),
  at: z.int().min(0).max(8.64e15),
  author: hex(32),
  by: z.string().max(byLimit),
};
const revision = {
  ...change,
  revision: hex(12),
  component: hex(64),
  componentBytes: z.int().min(1).max(componentLimitBytes),
  source: hex(64),
  sourceBytes: z.int().min(1).max(sourceLimitBytes),
  functions: z.array(z.string().max(512)).max(8_192),
  public: z.boolean(),
  limits: z.strictObject({ deadlineMs: z.int().min(1), memoryBytes: z.int().min(1) }),
  before: hex(12).optional(),
};
const payload = z.discriminatedUnion("op", [
  z.strictObject({ ...revision, op: z.literal("deploy") }),
  z.strictObject({ ...revision, op: z.literal("rollback") }),
  z.strictObject({ ...change, op: z.literal("remove") }),
]);

/**
 * A change: `deploy` makes a revision current, `rollback` makes an earlier one current, `remove` ends the app. Times
 * are epoch ms, digests SHA-256 in hex. `by` is a token's id, `author` the node that vouched for it, `functions` are
 * the sorted names of the interface.
 */
export type Manifest = Readonly<z.infer<typeof payload>>;

/** A manifest that brings a revision. */
export type RevisionManifest = Exclude<Manifest, { readonly op: "remove" }>;

/** A manifest with its record: the id, and the text that spreads. */
export interface ManifestRecord {
  readonly id: string;
  readonly signed: Signed;
  readonly text: string;
  readonly manifest: Manifest;
}

/** The record that a text holds. Checks its shape only, no signature: throws `auth.invalid` with what is wrong. */
export function readManifest(text: string): ManifestRecord {
  const signed = decodeSigned(text);
  if (signed === undefined) throw new HerdError("auth.invalid", "the manifest is no signed record, or too large");
  let value: unknown;
  try {
    value = JSON.parse(signed.payload);
  } catch (cause) {
    throw new HerdError("auth.invalid", "the manifest's payload is not JSON", { cause });
  }
  const result = payload.safeParse(value);
  if (!result.success) {
    const place = result.error.issues[0]?.path.join(".").slice(0, 80) ?? "";
    throw new HerdError("auth.invalid", `the manifest is not well-formed: ${place || "its shape"}`);
  }
  const manifest = result.data;
  if (manifest.op !== "remove") {
    if (manifest.revision !== revisionOf(manifest.component)) {
      throw new HerdError("auth.invalid", "the manifest's revision is not that of its component");
    }
    if (manifest.functions.some((name, index) => index > 0 && (manifest.functions[index - 1] ?? "") >= name)) {
      throw new HerdError("auth.invalid", "the manifest's functions are not in order");
    }
  }
  return { id: recordId(signed), signed, text: encodeSigned(signed), manifest };
}

/** The record of a manifest that was just signed. Throws `request.too-large` when it is larger than a record may be. */
export function manifestRecord(manifest: Manifest, sign: (payload: string) => Signed): ManifestRecord {
  const checked = payload.safeParse(manifest);
  if (!checked.success) {
    const place = checked.error.issues[0]?.path.join(".") ?? "";
    throw new HerdError("request.too-large", `what is deployed is over a bound of its manifest: ${place}`);
  }
  const signed = sign(JSON.stringify(manifest));
  const text = encodeSigned(signed);
  if (text.length > signedLimitBytes) {
    throw new HerdError("request.too-large", "the names of the functions are more than a manifest holds");
  }
  return { id: recordId(signed), signed, text, manifest };
}

/** The digests of the blobs that a manifest needs, with their sizes in bytes. */
export function blobsOf(manifest: Manifest): readonly { readonly digest: string; readonly bytes: number }[] {
  if (manifest.op === "remove") return [];
  const { component, componentBytes, source, sourceBytes } = manifest;
  return [
    { digest: component, bytes: componentBytes },
    { digest: source, bytes: sourceBytes },
  ];
}
