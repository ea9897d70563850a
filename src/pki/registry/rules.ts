// The rules of the registry's records: which signer a kind needs, and which of two records that disagree is kept.

import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import { aheadLimitMs, recordId, type Signed } from "../../core/signed.js";
import type { KindRules } from "./keyed-records.js";
import type { Payload, RecordKind } from "./records.js";

/** Nodes that one mesh can have had. */
export const nodeLimit = 10_000;

/** The signers, as the rules need them. */
interface Signers {
  readonly meshId: string;
  isRevoked(node: string): boolean;
  node(id: string): object | undefined;
  verifyMaster(signed: Signed): object | "unknown";
  verifyRoot(signed: Signed): void;
}

/** Throws `auth.invalid` for a record from the future. */
export function checkTime(payload: Payload<RecordKind>, clock: Clock): void {
  if (payload.at > clock.now() + aheadLimitMs) {
    throw new HerdError("auth.invalid", `the ${payload.kind} record is dated in the future`);
  }
}

/** The newer of two wins: for what is published again and again. */
export function newest(a: { readonly at: number }, b: { readonly at: number }): boolean {
  return a.at > b.at;
}

/** The rules of the four kinds; `changed` receives the id of each node whose records changed. */
export function registryRules(
  signers: Signers,
  { clock, changed }: { clock: Clock; changed: (node: string) => void },
): {
  readonly [Kind in "grant" | "admission" | "revocation" | "address"]: KindRules<Kind>;
} {
  const base = {
    meshId: signers.meshId,
    counts: (signer: string) => !signers.isRevoked(signer),
    changed: ({ payload }: { readonly payload: { readonly node: string } }) => changed(payload.node),
    prefers: newest,
  };
  const byMaster = (signed: Signed, payload: Payload<RecordKind>): "good" | "unknown" => {
    checkTime(payload, clock);
    return signers.verifyMaster(signed) === "unknown" ? "unknown" : "good";
  };
  return {
    grant: {
      ...base,
      kind: "grant",
      // Each certificate of a master has its own, and all of them count: the root signs few.
      keyOf: (payload) => recordId({ payload: JSON.stringify(payload) }),
      limit: nodeLimit,
      judge: (signed) => {
        signers.verifyRoot(signed);
        return "good";
      },
    },
    admission: { ...base, kind: "admission", keyOf: ({ node }) => node, limit: nodeLimit, judge: byMaster },
    revocation: {
      ...base,
      kind: "revocation",
      keyOf: ({ node }) => node,
      // The first one is when it happened.
      prefers: (a, b) => a.at < b.at,
      limit: 2 * nodeLimit,
      // A flood of revocations of nodes that nobody knows must not keep out one that matters.
      admits: ({ node }) => signers.node(node) !== undefined,
      judge: (signed, payload) => {
        if (signed.signer !== "root") return byMaster(signed, payload);
        signers.verifyRoot(signed);
        return "good";
      },
    },
    address: {
      ...base,
      kind: "address",
      keyOf: ({ node }) => node,
      limit: nodeLimit,
      judge: (signed, payload) => {
        if (signed.signer !== payload.node) {
          throw new HerdError("auth.invalid", "a master's address is for that master to sign");
        }
        return byMaster(signed, payload);
      },
    },
  };
}
