// A join token as text: what a joiner must know to tell the right mesh from an impostor, and the secret that lets it
// in.

import * as z from "zod";
import { HerdError } from "../../core/errors.js";
import { tryParseJson } from "../../core/json.js";
import * as field from "../registry/record-fields.js";

const prefix = "herd-join.";
const textLimit = 8_192;

const shape = z.strictObject({
  v: z.literal(1),
  mesh: field.meshId,
  fingerprint: field.sha256,
  id: z.string().regex(/^[0-9a-f]{16}$/),
  secret: z.string().regex(/^[A-Za-z0-9_-]{22,64}$/),
  master: field.nodeId,
  /** Whether the joiner becomes a master, and so requests a master's certificate too. */
  makesMaster: z.boolean(),
  urls: z.array(z.url({ protocol: /^https$/ }).max(512)).max(16),
});

/**
 * The content of a join token: mesh id, SHA-256 (hex) of the root's DER, token id, secret (≥ 128 bits), the master that
 * keeps it, addresses.
 */
export type JoinTokenText = Readonly<Omit<z.infer<typeof shape>, "v">>;

/** The token's text, one word without characters that a shell minds. */
export function encodeJoinToken(token: JoinTokenText): string {
  return prefix + Buffer.from(JSON.stringify({ v: 1, ...token })).toString("base64url");
}

/** The content of a token's text. Throws `request.malformed` when it is none. */
export function decodeJoinToken(text: string): JoinTokenText {
  const parsed =
    text.length <= textLimit && text.startsWith(prefix)
      ? shape.safeParse(tryParseJson(Buffer.from(text.slice(prefix.length), "base64url")))
      : undefined;
  if (parsed?.success !== true) {
    throw new HerdError("request.malformed", "this is no join token: herd token create --role join prints one");
  }
  const { v: _v, ...token } = parsed.data;
  return token;
}
