// What whoever can read a node's state folder shows to its own node: "I own this machine". Good for its policy, nothing else.

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** 256 random bits, made for one run of a node, which never leave its machine but to the node itself. */
export class OwnerSecret {
  /** 43 characters of base64url; no JSON Web Token looks like that. */
  readonly text = randomBytes(32).toString("base64url");
  readonly #digest = digestOf(this.text);

  /** Whether a bearer token is the secret, in a time that does not tell how much of it fits. */
  isSame(bearer: string): boolean {
    return timingSafeEqual(digestOf(bearer), this.#digest);
  }
}

/** Of one length, whatever the length of the text. */
function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
