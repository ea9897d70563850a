// The messages of the membership protocol as they cross a link, and the bounds of what is accepted from a peer.

import { type DoorKind, isDoorKind } from "../../core/door-kind.js";
import { HerdError } from "../../core/errors.js";
import { tryParseJson } from "../../core/json.js";
import { isNodeId } from "../../core/node-id.js";
import { decodeSigned, type Signed, signedLimitBytes } from "../../core/signed.js";

/** A state that a node announces of itself. The other states are findings of its peers. */
export type AnnouncedState = "alive" | "draining" | "asleep" | "left";

/** A node's announcement of itself, under its own signature: no other node can change its address or make it leave. */
export interface Announcement {
  readonly node: string;
  readonly incarnation: number;
  readonly state: AnnouncedState;
  readonly address: string | undefined;
  readonly url: string;
  /** Whether the node runs in a container. */
  readonly contained?: boolean | undefined;
  /** The front door of the node's public port. */
  readonly door?: DoorKind | undefined;
  /** The {@link Signed} record, verified or not, and its text, which is passed on unchanged. */
  readonly signed: Signed;
  readonly text: string;
}

/** An update: a node's own announcement, or the finding of `from` about a member's incarnation. */
export type Update =
  | readonly ["announce", text: string]
  | readonly ["suspect" | "dead", node: string, incarnation: number, from: string];

/** A line of a full comparison: node, incarnation, and 0 (as announced), 1 (suspect) or 2 (dead). */
export type Summary = readonly [node: string, incarnation: number, found: 0 | 1 | 2];

/** Updates, or lines of a comparison, in one message. */
export const maxUpdates = 1_000;
/** The highest incarnation that is accepted. Incarnations start as epoch ms, which reach this in the year 37648. */
const maxIncarnation = 2 ** 50;
const announcementLimitBytes = 2_048;

const hostAndPort = /^[0-9A-Za-z.:[\]_-]{1,253}:[0-9]{1,5}$/;
const httpsUrl = /^https:\/\/[0-9A-Za-z.:[\]_-]{1,260}\/?$/;

/** True for an incarnation within the bounds. */
function isIncarnation(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= maxIncarnation;
}

/** The payload of an announcement, to be signed by the node that it names. */
export function announcementPayload(mesh: string, content: Omit<Announcement, "signed" | "text">): string {
  const { node, incarnation, state, address, url, contained, door } = content;
  return JSON.stringify({ kind: "member", mesh, node, incarnation, state, address, url, contained, door });
}

/** The announcement in a text, `undefined` when the text holds none of this mesh. The signature is not verified. */
export function decodeAnnouncement(mesh: string, text: unknown): Announcement | undefined {
  if (typeof text !== "string" || text.length > Math.min(announcementLimitBytes, signedLimitBytes)) return undefined;
  const signed = decodeSigned(text);
  const content = signed === undefined ? undefined : payloadOf(signed);
  if (signed === undefined || content === undefined) return undefined;
  const { kind, mesh: of, node, incarnation, state, address, url, contained, door } = content;
  if (kind !== "member" || of !== mesh || !isNodeId(node) || signed.signer !== node) return undefined;
  if (!isIncarnation(incarnation) || !isAnnouncedState(state)) return undefined;
  if (address !== undefined && !(typeof address === "string" && hostAndPort.test(address))) return undefined;
  if (typeof url !== "string" || !httpsUrl.test(url)) return undefined;
  if (contained !== undefined && typeof contained !== "boolean") return undefined;
  if (door !== undefined && !isDoorKind(door)) return undefined;
  return { node, incarnation, state, address, url, contained, door, signed, text };
}

/** The updates in a message from a peer; malformed ones are left out. Throws `request.malformed` when it is no list. */
export function decodeUpdates(body: unknown): Update[] {
  return listOf(body).filter(isUpdate);
}

/** The summary lines in a message from a peer; malformed ones are left out. Throws `request.malformed` as above. */
export function decodeSummaries(body: unknown): Summary[] {
  return listOf(body).filter(isSummary);
}

/** The strings in a message from a peer that `fits` accepts. Throws `request.malformed` as above. */
export function decodeStrings(body: unknown, fits: (value: string) => boolean): string[] {
  return listOf(body).filter((value): value is string => typeof value === "string" && fits(value));
}

function listOf(body: unknown): unknown[] {
  if (!Array.isArray(body) || body.length > maxUpdates) {
    throw new HerdError("request.malformed", `a message about members is a list of at most ${maxUpdates}`);
  }
  return body;
}

function isUpdate(value: unknown): value is Update {
  if (!Array.isArray(value)) return false;
  const [type, subject, incarnation, from] = value as unknown[];
  if (type === "announce") return value.length === 2 && typeof subject === "string";
  if (type !== "suspect" && type !== "dead") return false;
  return value.length === 4 && isNodeId(subject) && isIncarnation(incarnation) && isNodeId(from);
}

function isSummary(value: unknown): value is Summary {
  if (!Array.isArray(value) || value.length !== 3) return false;
  const [node, incarnation, found] = value as unknown[];
  return isNodeId(node) && isIncarnation(incarnation) && (found === 0 || found === 1 || found === 2);
}

function isAnnouncedState(value: unknown): value is AnnouncedState {
  return value === "alive" || value === "draining" || value === "asleep" || value === "left";
}

function payloadOf(signed: Signed): Record<string, unknown> | undefined {
  const value = tryParseJson(signed.payload);
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
}
