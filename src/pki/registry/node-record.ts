// A node as the signed records of its mesh describe it.

import { createPublicKey, type KeyObject } from "node:crypto";
import { fingerprintOfText, type Payload } from "./records.js";

/** A node as the records describe it. `at` (epoch ms) is when it was let in; `parent` is undefined for the founder. */
export interface NodeRecord {
  readonly id: string;
  readonly name: string;
  readonly key: KeyObject;
  readonly fingerprint: string;
  /** Whether the root granted it to sign for the mesh. */
  readonly master: boolean;
  readonly deploy: boolean;
  readonly parent: string | undefined;
  readonly approvedBy: string;
  readonly at: number;
  readonly revoked: boolean;
}

/** A node as its admission describes it, or else its newest grant; `undefined` when there is neither. */
export function describeNode(
  { admission, grant }: { admission: Payload<"admission"> | undefined; grant: Payload<"grant"> | undefined },
  revoked: boolean,
): NodeRecord | undefined {
  const basis = admission ?? grant;
  const fingerprint = basis && fingerprintOfText(basis.key);
  if (basis === undefined || fingerprint === undefined) return undefined;
  let key: KeyObject | undefined;
  return Object.freeze({
    id: basis.node,
    name: basis.name,
    // Made when it is needed: a mesh has many nodes, and one node verifies signatures of few.
    get key(): KeyObject {
      key ??= createPublicKey({ key: Buffer.from(basis.key, "base64"), format: "der", type: "spki" });
      return key;
    },
    fingerprint,
    master: grant !== undefined,
    deploy: admission?.deploy ?? false,
    parent: admission?.parent ?? undefined,
    approvedBy: admission?.approvedBy ?? "root",
    at: basis.at,
    revoked,
  });
}

/** Which of two nodes has a name that both were given: one that is not revoked, then the one that came first. */
export function precedes(a: NodeRecord, b: NodeRecord): boolean {
  if (a.revoked !== b.revoked) return b.revoked;
  return a.at === b.at ? a.id < b.id : a.at < b.at;
}
