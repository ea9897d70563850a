// Fields that the payloads of records and messages share: ids, digests and times, with their bounds.

import * as z from "zod";
import { meshIdPattern, nodeIdPattern } from "../../core/node-id.js";

/** The id of a mesh. */
export const meshId = z.string().regex(meshIdPattern);

/** The id of a node. */
export const nodeId = z.string().regex(nodeIdPattern);

/** A SHA-256 digest: 64 lower-case hex digits. */
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** A time in epoch ms, at most the last one that a `Date` can hold. */
export const time = z.number().int().min(0).max(8_640_000_000_000_000);
