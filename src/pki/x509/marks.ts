// Marks: private extensions that state what the holder of a certificate may do. Not critical, since OpenSSL refuses
// unknown critical ones.

import { privateArc } from "./certificate.js";

const oids = { master: `${privateArc}.1`, deploy: `${privateArc}.2` } as const;
/** DER of NULL: the mark is that the extension is there. */
const present = "\x05\x00";

/** `master`: may approve joins and sign certificates. `deploy`: may sign manifests that others run. */
export type Mark = keyof typeof oids;

/** The extension for a mark, as node-forge takes it. */
export function markExtension(mark: Mark): { id: string; critical: boolean; value: string } {
  return { id: oids[mark], critical: false, value: present };
}

/** Whether a certificate's extensions carry a mark. */
export function hasMark(extensions: readonly { readonly id: string }[], mark: Mark): boolean {
  return extensions.some(({ id }) => id === oids[mark]);
}
