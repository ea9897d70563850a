// The answer to a join: signed by the master that let the node in, since the node that received the request may only
// pass it on.

import { type KeyObject, X509Certificate } from "node:crypto";
import * as z from "zod";
import type { Enrolled } from "../../api/joins.js";
import type { HerdError } from "../../core/errors.js";
import { tryParseJson } from "../../core/json.js";
import { nodeNamePattern } from "../../core/node-name.js";
import { decodeSigned, type Signed, type Signer, signedLimitBytes } from "../../core/signed.js";
import { publicKeyOfText } from "../identity/enrolled-key.js";
import type { Enrollment } from "../identity/enrollment.js";
import { JoinRefused } from "../join-refused.js";
import * as field from "../registry/record-fields.js";
import { parsePayload, verifySigned } from "../registry/records.js";
import { meshIdOf } from "../x509/root.js";
import { openSealed, sealFor } from "./proof.js";
import type { JoinRequest } from "./request.js";

/** The largest answer, in bytes. */
export const answerLimitBytes = 2 * 1024 * 1024;

const recordLimit = 256;
const recordsLimitBytes = 1024 * 1024;
const pem = z.string().max(32 * 1024);
const keyText = z.string().max(1_024);

const payloadShape = z.strictObject({
  kind: z.literal("enrollment"),
  mesh: field.meshId,
  node: field.nodeId,
  nonce: z.string().max(64),
  name: z.string().regex(nodeNamePattern),
  peer: pem,
  public: pem,
  tokenPublicKey: keyText,
  masterCertificate: pem.optional(),
  /** The private token key, encrypted under the join token's secret. */
  sealedTokenKey: keyText.optional(),
});

const answerShape = z.object({
  v: z.literal(1),
  signed: z.object({ payload: z.string(), signer: field.nodeId, signature: z.string().max(1_024) }),
  records: z.array(z.string().max(signedLimitBytes)).max(recordLimit),
});

/** What a new master gets beside its leaves: see `IssuedMaster`. `hash` is that of the join token's secret. */
export interface MasterShare {
  readonly masterCertificate: string;
  readonly tokenKey: string;
  readonly hash: Uint8Array;
}

/** What an answer is made from. */
interface AnswerContent {
  readonly signer: Signer;
  readonly request: Pick<JoinRequest, "mesh" | "nodeId" | "nonce">;
  readonly name: string;
  readonly peer: string;
  readonly public: string;
  readonly tokenPublicKey: KeyObject;
  readonly master: MasterShare | undefined;
  /** Records that the node cannot do without first. */
  readonly records: readonly string[];
}

/** The answer. Records over the limit are left out: the mesh sends them later anyway. */
export function makeAnswer(content: AnswerContent): Enrolled {
  const { signer, request, name, tokenPublicKey, master } = content;
  const { mesh, nodeId: node, nonce } = request;
  const tokenKey = master && Buffer.from(master.tokenKey, "base64");
  const payload = JSON.stringify({
    kind: "enrollment",
    mesh,
    node,
    nonce,
    name,
    peer: content.peer,
    public: content.public,
    tokenPublicKey: tokenPublicKey.export({ type: "spki", format: "der" }).toString("base64"),
    ...(master === undefined ? {} : { masterCertificate: master.masterCertificate }),
    ...(master && tokenKey ? { sealedTokenKey: sealFor({ hash: master.hash, nonce }, tokenKey) } : {}),
  });
  let left = recordsLimitBytes;
  const records = content.records.slice(0, recordLimit).filter((record) => {
    left -= record.length;
    return left >= 0;
  });
  return { v: 1, signed: signer.sign(payload), records };
}

/** What the joiner knows of itself and of the mesh. `hash` is that of the token's secret. */
interface AnswerContext {
  readonly rootCertificate: string;
  readonly nodeId: string;
  readonly nonce: string;
  readonly hash: Uint8Array | undefined;
}

/**
 * The enrollment in an answer that a master signed for this very request. Its keys are not checked. Throws
 * `join.refused`.
 */
export function readAnswer(body: unknown, context: AnswerContext): Enrollment {
  const { rootCertificate, nodeId, nonce, hash } = context;
  const answer = answerShape.safeParse(body);
  if (!answer.success) throw unfit("it cannot be read", answer.error);
  const { signed, records } = answer.data;
  const meshId = meshIdOf(rootCertificate);
  checkSigner(signed, { records, meshId, rootCertificate });
  const payload = payloadShape.safeParse(tryParseJson(signed.payload));
  if (!payload.success) throw unfit("it cannot be read", payload.error);
  const { data } = payload;
  if (data.mesh !== meshId || data.node !== nodeId || data.nonce !== nonce) throw unfit("it answers another request");
  const tokenKey =
    data.sealedTokenKey === undefined || hash === undefined
      ? undefined
      : openSealed({ hash, nonce }, data.sealedTokenKey);
  if (data.sealedTokenKey !== undefined && tokenKey === undefined) throw unfit("the token key in it cannot be opened");
  return {
    meshId,
    nodeId,
    nodeName: data.name,
    rootCertificate,
    peerCertificate: data.peer,
    publicCertificate: data.public,
    tokenPublicKey: data.tokenPublicKey,
    ...(data.masterCertificate === undefined ? {} : { masterCertificate: data.masterCertificate }),
    ...(tokenKey === undefined ? {} : { tokenKey: tokenKey.toString("base64") }),
    records,
  };
}

/** The signer is a master: a grant of the root, which came along, proves it. */
function checkSigner(
  signed: Signed,
  { records, meshId, rootCertificate }: { records: readonly string[]; meshId: string; rootCertificate: string },
): void {
  const rootKey = new X509Certificate(rootCertificate).publicKey;
  for (const text of records) {
    const record = decodeSigned(text);
    if (record?.signer !== "root") continue;
    const grant = parsePayload("grant", record.payload);
    if (grant?.node !== signed.signer || grant.mesh !== meshId || !verifySigned(record, rootKey)) continue;
    const key = publicKeyOfText(grant.key);
    if (key !== undefined && verifySigned(signed, key)) return;
  }
  throw unfit("no master of this mesh signed it");
}

function unfit(reason: string, cause?: unknown): HerdError {
  return new JoinRefused(`the answer to the join does not hold: ${reason}`, { cause });
}
