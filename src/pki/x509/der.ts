// The few shapes of DER (ITU-T X.690) that certificate requests, revocation lists and extensions are built from, over
// node-forge.

import forge from "node-forge";

const { asn1 } = forge;
const { Class, Type } = asn1;

/** A node of a DER tree, as node-forge has it; bytes are strings of Latin-1 characters. */
export type Der = forge.asn1.Asn1;

/** `SEQUENCE` of the given parts. */
export function sequence(...parts: readonly Der[]): Der {
  return asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, [...parts]);
}

/** A part with a context-specific tag around it (`[tag] EXPLICIT`), or with children in its place when given many. */
export function tagged(tag: number, ...parts: readonly Der[]): Der {
  return asn1.create(Class.CONTEXT_SPECIFIC, tag as forge.asn1.Type, true, [...parts]);
}

/** Bytes with a context-specific tag in place of their own (`[tag] IMPLICIT`). */
export function taggedBytes(tag: number, bytes: Uint8Array | string): Der {
  return asn1.create(Class.CONTEXT_SPECIFIC, tag as forge.asn1.Type, false, latin1(bytes));
}

/** `INTEGER` from its big-endian bytes in two's complement, as a serial number has them. */
export function integer(bytes: Uint8Array): Der {
  return asn1.create(Class.UNIVERSAL, Type.INTEGER, false, latin1(bytes));
}

/** `INTEGER` of a whole number from 0 to 2^53 - 1. */
export function wholeNumber(value: number): Der {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a whole number: ${value}`);
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
  return integer((bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes);
}

/** `OBJECT IDENTIFIER` from its dotted form. */
export function objectIdentifier(oid: string): Der {
  return asn1.create(Class.UNIVERSAL, Type.OID, false, asn1.oidToDer(oid).getBytes());
}

/** `OCTET STRING`. */
export function octets(bytes: Uint8Array | string): Der {
  return asn1.create(Class.UNIVERSAL, Type.OCTETSTRING, false, latin1(bytes));
}

/** `BIT STRING` of whole bytes. */
export function bits(bytes: Uint8Array): Der {
  return asn1.create(Class.UNIVERSAL, Type.BITSTRING, false, `\0${latin1(bytes)}`);
}

/** `Time` of RFC 5280, section 4.1.2.5: two digits for the year until 2049, four from then on. Seconds are cut off. */
export function time(epochMs: number): Der {
  const at = new Date(epochMs);
  const short = at.getUTCFullYear() < 2050;
  const text = short ? asn1.dateToUtcTime(at) : asn1.dateToGeneralizedTime(at);
  return asn1.create(Class.UNIVERSAL, short ? Type.UTCTIME : Type.GENERALIZEDTIME, false, text as string);
}

/** `AlgorithmIdentifier` of sha256WithRSAEncryption (RFC 4055). */
export function sha256WithRsa(): Der {
  return sequence(objectIdentifier(sha256WithRsaOid), asn1.create(Class.UNIVERSAL, Type.NULL, false, ""));
}

/** The object identifier of sha256WithRSAEncryption. */
export const sha256WithRsaOid = "1.2.840.113549.1.1.11";

/** The DER bytes of a tree. */
export function encodeDer(tree: Der): Buffer {
  return Buffer.from(asn1.toDer(tree).getBytes(), "latin1");
}

/**
 * The tree of DER bytes, to their last one. Throws when they are none; bit strings stay bytes. The caller bounds the
 * bytes.
 */
export function decodeDer(bytes: Uint8Array | string): Der {
  // Its types do not know the options that keep it from guessing.
  const fromDer = asn1.fromDer as unknown as (bytes: string, options: object) => Der;
  return fromDer(latin1(bytes), { strict: true, parseAllBytes: true, decodeBitStrings: false });
}

/** The parts of a constructed node, none of a primitive one. */
export function partsOf(node: Der | undefined): readonly Der[] {
  return Array.isArray(node?.value) ? node.value : [];
}

/** The bytes of a primitive node, `undefined` for a constructed one. */
export function bytesOf(node: Der | undefined): Buffer | undefined {
  return typeof node?.value === "string" ? Buffer.from(node.value, "latin1") : undefined;
}

/** Whether a node has a context-specific tag. */
export function isTagged(node: Der | undefined, tag: number): boolean {
  return node?.tagClass === Class.CONTEXT_SPECIFIC && (node.type as number) === tag;
}

/** DER bytes as PEM (RFC 7468), with lines of 64 characters. */
export function toPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** The DER bytes of a text that is one PEM block with this label; `undefined` for any other text. */
export function fromPem(label: string, text: string): Buffer | undefined {
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const trimmed = text.trim();
  if (!trimmed.startsWith(begin) || !trimmed.endsWith(end)) return undefined;
  const body = trimmed.slice(begin.length, -end.length).replaceAll(/[\r\n]/g, "");
  return /^[A-Za-z0-9+/]+={0,2}$/.test(body) ? Buffer.from(body, "base64") : undefined;
}

function latin1(bytes: Uint8Array | string): string {
  return typeof bytes === "string" ? bytes : Buffer.from(bytes).toString("latin1");
}
