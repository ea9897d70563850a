// The failure of a node that the mesh does not take.

import { type ErrorExtras, HerdError } from "../core/errors.js";

/**
 * The mesh refuses a node: its token, name, address, certificates or identity. The detail has the reason and a
 * remedy.
 */
export class JoinRefused extends HerdError {
  constructor(detail: string, extras: ErrorExtras = {}) {
    super("join.refused", detail, extras);
  }
}
