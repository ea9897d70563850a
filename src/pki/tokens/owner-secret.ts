// The secret by which a reader of the node's state folder proves that they own the machine. Good for its policy,
// nothing else.

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** 256 random bits, made for one run of a node, which never leave its machine but to the node itself. */
export class OwnerSecret {
  /** 43 characters of base64url; no JSON Web Token looks like that. */
  readonly text = randomBytes(32).toString("base64url");
  readonly #digest = digestOf(this.text);

  /** Whether a bearer token is the secret, compared in constant time. */
  isSame(bearer: string): boolean {
    return timingSafeEqual(digestOf(bearer), this.#digest);
  }
}

/** Of one length, whatever the length of the text. */
function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
