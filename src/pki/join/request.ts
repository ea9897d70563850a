// The body of `POST /v1/join`: a statement of a node about itself, signed with its enrolled key.

import type { KeyObject } from "node:crypto";
import * as z from "zod";
import type { JoinBody } from "../../api/joins.js";
import { schemaProblem } from "../../api/schema-problem.js";
import { spanText } from "../../core/clock-skew.js";
import { tryParseJson } from "../../core/json.js";
import { nodeNamePattern } from "../../core/node-name.js";
import { aheadLimitMs, type Signed } from "../../core/signed.js";
import { nodeIdOf, publicKeyOfText } from "../identity/enrolled-key.js";
import { JoinRefused } from "../join-refused.js";
import * as field from "../registry/record-fields.js";
import { verifySigned } from "../registry/records.js";
import { type CertificateRequest, csrLimitBytes, parseCsr } from "../x509/csr.js";

const pemBytes = 12 * 1024;
const hostText = z
  .string()
  .max(253)
  .regex(/^[A-Za-z0-9:]([A-Za-z0-9.:_-]*[A-Za-z0-9:])?$/);

const payloadShape = z.strictObject({
  kind: z.literal("join"),
  /** Id of the mesh that it means to join: a root that stands between cannot pass the request on. */
  mesh: field.meshId,
  name: z.string().regex(nodeNamePattern),
  /** The enrolled key's SPKI DER in base64. */
  key: z.string().max(64),
  csr: z.string().max(csrLimitBytes),
  publicCsr: z.string().max(csrLimitBytes),
  masterCsr: z.string().max(csrLimitBytes).optional(),
  /** Names and addresses that it wants on its public leaf; `advertise` is the one that it cannot do without. */
  hosts: z.array(hostText).max(16),
  advertise: hostText,
  /** Whether it wants the deploy mark. */
  deploy: z.boolean(),
  /** The certificates that it has (PEM chains), for a node that was away too long to renew them. */
  current: z.strictObject({ peer: z.string().max(pemBytes), public: z.string().max(pemBytes) }).optional(),
  nonce: z.string().regex(/^[A-Za-z0-9_-]{22,64}$/),
  at: z.number().int(),
});

/** Place of the signed text. The text is JSON: the pointer to one of its fields continues from here. */
const payloadPlace = "/signed/payload";

/** The statement of a node that wants to join. */
type JoinPayload = Readonly<z.infer<typeof payloadShape>>;

/** A request whose signature is that of the key that it names; `text` is the payload as it was signed. */
export interface JoinRequest extends Omit<JoinPayload, "csr" | "publicCsr" | "masterCsr"> {
  /** For the peer leaf, the public leaf, and the CA certificate of a node that is to be a master. */
  readonly csr: CertificateRequest;
  readonly publicCsr: CertificateRequest;
  readonly masterCsr: CertificateRequest | undefined;
  readonly nodeId: string;
  readonly publicKey: KeyObject;
  readonly text: string;
  readonly token: TokenProof | undefined;
}

/** Proof of a join token: its id, the master that keeps it, and the proof of its secret. */
type TokenProof = NonNullable<JoinBody["token"]>;

/** The body for a payload that was signed, with the proof of a join token when there is one. */
export function joinBody(signed: Signed, token?: TokenProof): JoinBody {
  return { v: 1, signed, ...(token === undefined ? {} : { token }) };
}

/**
 * The request in a body. Throws `request.malformed` for what has not its shape, and `join.refused` for a signature that
 * does not fit, another mesh, a clock that is so far off that records would be refused for it, and a bad certificate
 * request.
 */
export function readJoinRequest(body: JoinBody, { meshId, now }: { meshId: string; now: number }): JoinRequest {
  const { signed, token } = body;
  const parsed = payloadShape.safeParse(tryParseJson(signed.payload));
  if (!parsed.success) throw schemaProblem(parsed.error.issues, payloadPlace);
  const payload = parsed.data;
  const publicKey = publicKeyOfText(payload.key);
  if (publicKey === undefined) {
    throw schemaProblem([{ code: "custom", path: ["key"], message: "not an Ed25519 key" }], payloadPlace);
  }
  const nodeId = nodeIdOf(publicKey);
  if (signed.signer !== nodeId || !verifySigned(signed, publicKey)) {
    throw new JoinRefused("the request is not signed with the key that it names");
  }
  if (payload.mesh !== meshId) throw new JoinRefused("the request is for another mesh");
  const skewMs = payload.at - now;
  if (Math.abs(skewMs) > aheadLimitMs) {
    const direction = skewMs > 0 ? "ahead" : "behind";
    const detail = `the clock of the joining machine is ${spanText(skewMs)} ${direction}: set it first`;
    throw new JoinRefused(detail);
  }
  // Last: an RSA signature costs more than all checks before.
  return {
    ...payload,
    csr: parseCsr(payload.csr),
    publicCsr: parseCsr(payload.publicCsr),
    masterCsr: payload.masterCsr === undefined ? undefined : parseCsr(payload.masterCsr),
    nodeId,
    publicKey,
    text: signed.payload,
    token,
  };
}
