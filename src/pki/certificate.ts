// X.509 certificates: node-forge lays them out, node:crypto makes the keys and the signatures (0.7 ms instead of 43).

import { createPublicKey, generateKeyPair, type KeyObject, randomBytes, sign } from "node:crypto";
import { promisify } from "node:util";
import forge from "node-forge";

const { asn1 } = forge;
// Its types do not know this function.
const pki = forge.pki as typeof forge.pki & { getTBSCertificate(of: forge.pki.Certificate): forge.asn1.Asn1 };
const generate = promisify(generateKeyPair);
const sha256WithRsa = "1.2.840.113549.1.1.11";

/** Who signs: a CA certificate, its key, and the PEM certificates below the root that a leaf's chain must carry, nearest first. */
export interface Issuer {
  readonly certificate: forge.pki.Certificate;
  readonly key: KeyObject;
  readonly chain: readonly string[];
}

/** What a certificate says; extensions are node-forge's, key identifiers are added. */
export interface CertificateContent {
  readonly commonName: string;
  readonly publicKey: KeyObject;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly extensions: readonly object[];
}

/** A new RSA private key, made off the main thread. */
export async function rsaKey(bits: number): Promise<KeyObject> {
  return (await generate("rsa", { modulusLength: bits })).privateKey;
}

/** Signs a certificate and returns it as PEM. */
export function certify(content: CertificateContent, issuer: Pick<Issuer, "certificate" | "key">): string {
  const certificate = layOut(content);
  certificate.setIssuer(issuer.certificate.subject.attributes);
  const keyIdentifier = issuer.certificate.generateSubjectKeyIdentifier().getBytes();
  return signed(certificate, issuer.key, [...content.extensions, { name: "authorityKeyIdentifier", keyIdentifier }]);
}

/** Signs a certificate with the very key that it is for, and returns it as PEM. */
export function certifySelf(content: Omit<CertificateContent, "publicKey">, key: KeyObject): string {
  const certificate = layOut({ ...content, publicKey: createPublicKey(key) });
  certificate.setIssuer(certificate.subject.attributes);
  return signed(certificate, key, content.extensions);
}

function layOut(content: CertificateContent): forge.pki.Certificate {
  const certificate = pki.createCertificate();
  certificate.publicKey = pki.publicKeyFromPem(content.publicKey.export({ type: "spki", format: "pem" }) as string);
  certificate.serialNumber = serialNumber();
  certificate.validity.notBefore = new Date(content.notBefore);
  certificate.validity.notAfter = new Date(content.notAfter);
  // RFC 5280 bounds a common name to 64 characters.
  const value = content.commonName.slice(0, 64);
  certificate.setSubject([{ name: "commonName", value }]);
  return certificate;
}

function signed(certificate: forge.pki.Certificate, key: KeyObject, extensions: readonly object[]): string {
  certificate.setExtensions([...extensions, { name: "subjectKeyIdentifier" }]);
  certificate.md = forge.md.sha256.create();
  certificate.signatureOid = sha256WithRsa;
  certificate.siginfo.algorithmOid = sha256WithRsa;
  certificate.tbsCertificate = pki.getTBSCertificate(certificate);
  const content = Buffer.from(asn1.toDer(certificate.tbsCertificate).getBytes(), "latin1");
  certificate.signature = sign("sha256", content, key).toString("latin1");
  return pki.certificateToPem(certificate).replaceAll("\r\n", "\n");
}

/** 126 random bits behind a fixed 01, so that the number is positive and of one length. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString("hex");
}
