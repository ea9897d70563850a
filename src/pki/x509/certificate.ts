// X.509 certificates: node-forge lays them out, node:crypto makes the keys and the signatures (0.7 ms instead of 43).

import { createHash, createPublicKey, type KeyObject, randomBytes, sign, X509Certificate } from "node:crypto";
import forge from "node-forge";
import { encodeDer, octets, sequence, sha256WithRsaOid, taggedBytes } from "./der.js";

// Its types do not know this function.
const pki = forge.pki as typeof forge.pki & { getTBSCertificate(of: forge.pki.Certificate): forge.asn1.Asn1 };

/**
 * A signer: a CA certificate, its key, and the PEM certificates below the root that a leaf's chain must carry, nearest
 * first.
 */
export interface Issuer {
  readonly certificate: forge.pki.Certificate;
  readonly key: KeyObject;
  readonly chain: readonly string[];
}

/** The content of a certificate; extensions are node-forge's, key identifiers are added. */
interface CertificateContent {
  readonly commonName: string;
  readonly publicKey: KeyObject;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly extensions: readonly object[];
}

/**
 * The arc of Wasmherd's private extensions: 31 bits of SHA-256 of its name, since node-forge reads no whole UUID
 * (X.667) in an OID.
 */
export const privateArc = "2.25.336800299";

/**
 * An issuer for leaves: a CA certificate (PEM), its key, and the certificates between it and the root, itself among
 * them.
 */
export function issuerOf(certificate: string, key: KeyObject, chain: readonly string[] = []): Issuer {
  return { certificate: forge.pki.certificateFromPem(certificate), key, chain };
}

/**
 * The key identifier that certificates name their issuer by: SHA-256 of its key's SPKI (RFC 7093, section 2), in
 * lower-case hex.
 */
function keyIdentifier(publicKey: KeyObject): string {
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("hex");
}

/** {@link keyIdentifier} of a certificate's own key (PEM): what the certificates that it issued name. */
export function keyIdentifierOf(certificate: string): string {
  return keyIdentifier(new X509Certificate(certificate).publicKey);
}

/** Signs a certificate and returns it as PEM. */
export function certify(content: CertificateContent, issuer: Pick<Issuer, "certificate" | "key">): string {
  const certificate = layOut(content);
  certificate.setIssuer(issuer.certificate.subject.attributes);
  const own = subjectKeyIdentifier(content.publicKey);
  return signed(certificate, issuer.key, [...content.extensions, own, authorityKeyIdentifier(issuer.key)]);
}

/** Signs a certificate with the very key that it is for, and returns it as PEM. */
export function certifySelf(content: Omit<CertificateContent, "publicKey">, key: KeyObject): string {
  const publicKey = createPublicKey(key);
  const certificate = layOut({ ...content, publicKey });
  certificate.setIssuer(certificate.subject.attributes);
  return signed(certificate, key, [...content.extensions, subjectKeyIdentifier(publicKey)]);
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
  certificate.setExtensions([...extensions]);
  certificate.md = forge.md.sha256.create();
  certificate.signatureOid = sha256WithRsaOid;
  certificate.siginfo.algorithmOid = sha256WithRsaOid;
  certificate.tbsCertificate = pki.getTBSCertificate(certificate);
  certificate.signature = sign("sha256", encodeDer(certificate.tbsCertificate), key).toString("latin1");
  return pki.certificateToPem(certificate).replaceAll("\r\n", "\n");
}

function subjectKeyIdentifier(publicKey: KeyObject): object {
  const value = octets(Buffer.from(keyIdentifier(publicKey), "hex"));
  return { id: "2.5.29.14", critical: false, value: encodeDer(value).toString("latin1") };
}

/** The extension by which a certificate or a revocation list names its issuer's key, as node-forge takes it. */
export function authorityKeyIdentifier(issuer: KeyObject): { id: string; critical: boolean; value: string } {
  const identifier = Buffer.from(keyIdentifier(createPublicKey(issuer)), "hex");
  return {
    id: "2.5.29.35",
    critical: false,
    value: encodeDer(sequence(taggedBytes(0, identifier))).toString("latin1"),
  };
}

/** 126 random bits behind a fixed 01, so that the number is positive and of one length. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString("hex");
}
