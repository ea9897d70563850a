// What membership needs of the registry: which nodes belong to the mesh, and whether a signature is theirs.

import type { Signed } from "../../core/signed.js";

/** Called for each update from a peer: `known` and `isRevoked` must be cheap, `verify` costs a signature. */
export interface MemberTrust {
  /** Whether the node was admitted to the mesh. */
  known(node: string): boolean;
  isRevoked(node: string): boolean;
  /**
   * Whether a signature is by the enrolled key of its signer, and the signer a node of the mesh that is not revoked.
   */
  verify(signed: Signed): boolean;
}
