// RSA keys, made off the main thread. A file of its own: it loads at once, so that keys are made while the rest loads.

import { generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";

/** Of a leaf's key; a certificate authority has more. */
export const leafKeyBits = 2_048;

/** The keys of a node's two leaves: of the one for peers, and of the public one. */
export type LeafKeys = readonly [peer: KeyObject, open: KeyObject];

const generate = promisify(generateKeyPair);

/** A new RSA private key. */
export async function rsaKey(bits: number): Promise<KeyObject> {
  return (await generate("rsa", { modulusLength: bits })).privateKey;
}

/** Makes the keys of both leaves: some tenths of a second of a core. */
export function makeLeafKeys(): Promise<LeafKeys> {
  return Promise.all([rsaKey(leafKeyBits), rsaKey(leafKeyBits)]);
}
