// What membership asks of the registry: who may be spoken of, and whose signature is whose.

import type { Signed } from "../../core/signed.js";

/** Must be cheap, but for `verify`: all are asked for news from peers. */
export interface MemberTrust {
  /** Whether the node was admitted to the mesh. */
  known(node: string): boolean;
  isRevoked(node: string): boolean;
  /** Whether the signature is that of the enrolled key of its signer, a node of the mesh that is not revoked. */
  verify(signed: Signed): boolean;
}
