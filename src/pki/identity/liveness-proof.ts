// The proof that a process with a node's identity lives: signed with the enrolled key, over the instance of another
// such process.

import * as z from "zod";
import { tryParseJson } from "../../core/json.js";
import { decodeSigned, encodeSigned, type Signer } from "../../core/signed.js";
import * as field from "../registry/record-fields.js";

const instance = z.string().regex(/^[0-9a-f]{16,64}$/);

const shape = z.strictObject({
  kind: z.literal("twin"),
  mesh: field.meshId,
  node: field.nodeId,
  instance,
  started: field.time,
  /** The other process' instance, which its signer cannot have known before that one began. */
  saw: instance,
  address: z
    .string()
    .max(300)
    .regex(/^\P{Cc}*$/u),
});

/** The request for a proof: see `LivenessRequest` in src/mesh/transport/duplicate-process-detector.ts. */
export const livenessRequestShape = z.strictObject({ instance, proof: z.string().max(4_096).nullable() });

/** A process with this identity. */
export interface ProcessInstance {
  readonly instance: string;
  readonly started: number;
  readonly address: string;
}

/** This process' proof that it lives and knows of the instance `saw`. */
export function livenessProof(
  process: ProcessInstance,
  { mesh, signer, saw }: { mesh: string; signer: Signer; saw: string },
): string {
  const { instance: own, started, address } = process;
  const payload = { kind: "twin", mesh, node: signer.nodeId, instance: own, started, saw, address };
  return encodeSigned(signer.sign(JSON.stringify(payload)));
}

/** The values that a proof must have. `verify`: whether the node signed the payload. */
interface ExpectedProof {
  readonly mesh: string;
  readonly node: string;
  readonly saw: string;
  readonly verify: (signed: NonNullable<ReturnType<typeof decodeSigned>>) => boolean;
}

/** The process that a proof is of; `undefined` when it is not what was expected. */
export function readLivenessProof(
  text: string,
  { mesh, node, saw, verify }: ExpectedProof,
): ProcessInstance | undefined {
  const signed = decodeSigned(text);
  if (signed === undefined || signed.signer !== node) return undefined;
  const { data } = shape.safeParse(tryParseJson(signed.payload));
  if (data === undefined || data.mesh !== mesh || data.node !== node || data.saw !== saw || !verify(signed))
    return undefined;
  return { instance: data.instance, started: data.started, address: data.address };
}
