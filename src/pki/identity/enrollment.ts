// What a node that joins sends about itself, and what it gets: the body of a join's answer, as anyone may have made it up.

import { z } from "zod";
import { HerdError } from "../../core/errors.js";
import { nodeNamePattern } from "../../core/node-name.js";
import { type Signed, signedLimitBytes } from "../../core/signed.js";

const pemLimit = 32 * 1024;
const recordLimit = 256;

/** Whose certificates are asked for; certificate requests are PEM. */
export interface EnrollmentRequest {
  /** The enrolled key's public half: SPKI DER in base64. */
  readonly key: string;
  readonly nodeId: string;
  /** For the peer leaf, and for the public one. */
  readonly csr: string;
  readonly publicCsr: string;
  /** For a master's certificate; its key is made when this is called, so only who is to be a master asks. */
  masterCsr(): Promise<string>;
  /** The name that the node would like, and the hosts that its public leaf should name. */
  readonly name: string;
  readonly hosts: readonly string[];
  /** The chains (PEM) that the node has, when it asks again: what was approved before, and until when it was trusted. */
  readonly current?: { readonly peer: string; readonly public: string } | undefined;
  /** The root (PEM) of the mesh that the node is in already: it asks for fresh leaves there, and nowhere else. */
  readonly rootCertificate?: string | undefined;
  /** Signs with the enrolled key. */
  sign(payload: string): Signed;
}

const hex32 = z.string().regex(/^[0-9a-f]{32}$/);
const pem = z.string().max(pemLimit);
const key = z
  .string()
  .max(1_024)
  .regex(/^[A-Za-z0-9+/]+={0,2}$/);

/**
 * What a join brings: the mesh, the name that the node got, its two chains (PEM, leaf first), the mesh's public token key (SPKI
 * DER in base64), and signed records that introduce the node and its masters. A new master also gets its CA certificate, and the
 * private token key (PKCS #8 DER in base64).
 */
export const enrollmentSchema = z.object({
  v: z.literal(1),
  meshId: hex32,
  nodeId: hex32,
  nodeName: z.string().regex(nodeNamePattern),
  rootCertificate: pem,
  peerCertificate: pem,
  publicCertificate: pem,
  tokenPublicKey: key,
  masterCertificate: pem.optional(),
  tokenKey: key.optional(),
  records: z.array(z.string().max(signedLimitBytes)).max(recordLimit),
});

/** The parsed {@link enrollmentSchema}. Nothing in it is proved: who stores it checks it against its own keys and the root. */
export type Enrollment = Readonly<z.infer<typeof enrollmentSchema>>;

/** The enrollment in the body of a join's answer. Throws HerdError `join.refused` naming the first field that is wrong. */
export function parseEnrollment(body: unknown): Enrollment {
  const parsed = enrollmentSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join(".") ?? "";
  throw new HerdError("join.refused", `the answer to the join cannot be read: ${where} ${issue?.message ?? ""}`);
}
