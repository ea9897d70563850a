// Reads the identity of a peer from its certificate. The handshake has judged the chain; this judges the content.

import { X509Certificate } from "node:crypto";
import forge from "node-forge";
import { HerdError } from "../../core/errors.js";
import { bytesOf, type Der, decodeDer, isTagged, partsOf } from "./der.js";
import { hasMark } from "./marks.js";

const oids = {
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extKeyUsage: "2.5.29.37",
} as const;
/** clientAuth and serverAuth. */
const peerUsages = ["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"];
const uriTag = 6;
const certificateLimitBytes = 16 * 1024;

/**
 * The other end of a connection, in the shape that `mesh` needs. Times are epoch ms, the serial and the issuer's key id
 * lower-case hex.
 */
export interface PeerIdentity {
  readonly nodeId: string;
  readonly serial: string;
  readonly issuer: string;
  readonly master: boolean;
  readonly deploy: boolean;
  readonly notAfter: number;
}

/** An extension's id and its content as DER. */
interface Extension {
  readonly id: string;
  readonly content: Uint8Array;
}

/**
 * The identity in a peer certificate (DER, or PEM of which the first certificate counts) of one mesh. Its extensions
 * are read as DER, never from printed text, in which a name can contain what looks like another. Throws HerdError
 * `auth.invalid` with the reason.
 */
export function peerIdentityOf(certificate: Uint8Array | string, meshId: string): PeerIdentity {
  const { extensions, serial, notAfter, authority } = parse(certificate);
  if (authority || isAuthority(only(extensions, "basicConstraints"))) throw refused("it is a CA's");
  const usages = partsOf(only(extensions, "extKeyUsage")).map(oidOf);
  if (!peerUsages.every((usage) => usages.includes(usage))) throw refused("it is not for peers (extended key usage)");
  return {
    nodeId: nodeIdIn(only(extensions, "subjectAltName"), meshId),
    serial,
    issuer: issuerIn(only(extensions, "authorityKeyIdentifier")),
    master: hasMark(extensions, "master"),
    deploy: hasMark(extensions, "deploy"),
    notAfter,
  };
}

/**
 * Key identifier (hex) of the issuer of a certificate of the mesh (PEM, of which the first counts). Throws
 * `auth.invalid`.
 */
export function issuerKeyOf(certificate: string): string {
  return issuerIn(only(parse(certificate).extensions, "authorityKeyIdentifier"));
}

function parse(certificate: Uint8Array | string) {
  if (certificate.length > certificateLimitBytes) throw refused("it is too large");
  try {
    const native = new X509Certificate(typeof certificate === "string" ? certificate : Buffer.from(certificate));
    const notAfter = Date.parse(native.validTo);
    // Not a number would be a time that never comes.
    if (Number.isNaN(notAfter)) throw new TypeError("its end is no time");
    return {
      extensions: extensionsOf(native.raw),
      serial: native.serialNumber.toLowerCase(),
      notAfter,
      authority: native.ca,
    };
  } catch (cause) {
    throw refused("it cannot be read", cause);
  }
}

/**
 * Certificate → TBSCertificate → [3] extensions → each SEQUENCE { id, critical DEFAULT FALSE, value } (RFC 5280,
 * section 4.1).
 */
function extensionsOf(der: Uint8Array): Extension[] {
  const [content] = partsOf(decodeDer(der));
  const [list] = partsOf(partsOf(content).find((part) => isTagged(part, 3)));
  return partsOf(list).map((extension) => {
    const parts = partsOf(extension);
    const value = bytesOf(parts.at(-1));
    if (value === undefined) throw new TypeError("an extension without a value");
    return { id: oidOf(parts[0]), content: value };
  });
}

/** The content of the one extension of its kind, `undefined` when there is none. */
function only(extensions: readonly Extension[], kind: keyof typeof oids): Der | undefined {
  const [first, second] = extensions.filter(({ id }) => id === oids[kind]);
  if (second !== undefined) throw refused(`it has two extensions ${kind}`);
  if (first === undefined) return undefined;
  try {
    return decodeDer(first.content);
  } catch (cause) {
    throw refused(`its ${kind} cannot be read`, cause);
  }
}

function isAuthority(constraints: Der | undefined): boolean {
  const [first] = partsOf(constraints);
  return first?.type === forge.asn1.Type.BOOLEAN && bytesOf(first)?.[0] !== 0;
}

function nodeIdIn(names: Der | undefined, meshId: string): string {
  const [name, second] = partsOf(names);
  if (name === undefined) throw refused("it names no node");
  if (second !== undefined) throw refused("it has more than one name");
  if (!isTagged(name, uriTag)) throw refused("its name is no URI");
  const uri = bytesOf(name)?.toString("latin1") ?? "";
  const [, mesh, nodeId] = /^spiffe:\/\/([0-9a-f]{32})\/node\/([0-9a-f]{32})$/.exec(uri) ?? [];
  if (mesh === undefined || nodeId === undefined) throw refused("its URI names no node");
  if (mesh !== meshId) throw refused("its URI is of another mesh");
  return nodeId;
}

function issuerIn(identifier: Der | undefined): string {
  const key = bytesOf(partsOf(identifier).find((part) => isTagged(part, 0)));
  // OpenSSL holds it against the issuer's own identifier, so it cannot lie; but it may be absent.
  if (key === undefined || key.length !== 32) throw refused("it does not name its issuer's key");
  return key.toString("hex");
}

function oidOf(part: Der | undefined): string {
  const value = bytesOf(part);
  // node-forge throws on numbers that it cannot hold; no OID that matters here has one.
  if (value === undefined || value.length > 32) return "";
  try {
    return forge.asn1.derToOid(value.toString("latin1"));
  } catch {
    return "";
  }
}

function refused(reason: string, cause?: unknown): HerdError {
  return new HerdError(
    "auth.invalid",
    `the peer's certificate is refused: ${reason}`,
    cause === undefined ? {} : { cause },
  );
}
