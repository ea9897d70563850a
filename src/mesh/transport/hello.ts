// The hello: the first message of each side of a connection, with the node's addresses and the records that introduce
// it.

import { isNodeId } from "../../core/node-id.js";
import { signedLimitBytes } from "../../core/signed.js";
import type { PeerHello } from "../ports.js";
import { FrameError } from "./frame.js";
import { printable } from "./message.js";

const version = 1;
const recordsLimit = 8;
const addressLimit = 300;

/** What a node announces of itself to every peer. */
export interface OwnHello {
  /** Where peers dial this node (`HOST:PORT`), `undefined` when they cannot dial it; and its HTTPS address. */
  readonly address: string | undefined;
  readonly url: string;
  /** Texts of the signed records by which a node that never met this one can verify it: at most 8. */
  readonly records: readonly string[];
}

/** A peer's hello: bounded and of the right shape, but not proved. */
export interface Hello extends PeerHello {
  readonly node: string;
  /** Names the peer's process: random, new with each start. */
  readonly instance: string;
  /** The count of this dial among those of the dialling process; 0 from the side that was dialled. */
  readonly dial: number;
  readonly records: readonly string[];
  /** The peer's clock (epoch ms) when it sent the hello; 0 from a version that sends none. */
  readonly at: number;
  /**
   * When the peer's process began (epoch ms, by its clock): of two processes with one identity the later one is kept. 0
   * from a version that sends none.
   */
  readonly started: number;
}

/** The content of a hello. Throws `RangeError` for more records than a peer reads. */
export function helloContent(
  own: OwnHello,
  process: Pick<Hello, "node" | "instance" | "dial" | "at" | "started">,
): object {
  if (own.records.length > recordsLimit) throw new RangeError(`a hello carries at most ${recordsLimit} records`);
  const { address = null, url, records } = own;
  const { node, instance, dial, at, started } = process;
  return { v: version, node, instance, dial, at, started, address, url, records };
}

/** Reads a peer's hello. Throws {@link FrameError} with the reason. */
export function readHello(value: unknown): Hello {
  if (typeof value !== "object" || value === null) throw new FrameError("its hello is no object");
  const { v, node, instance, dial, at, started, address, url, records } = value as Record<string, unknown>;
  if (v !== version) throw new FrameError("it speaks another version of the protocol");
  if (!isNodeId(node)) throw new FrameError("its hello names no node");
  if (typeof instance !== "string" || !/^[0-9a-f]{16,64}$/.test(instance)) {
    throw new FrameError("its hello names no instance");
  }
  if (!Number.isSafeInteger(dial) || (dial as number) < 0) throw new FrameError("its hello counts no dials");
  if (!isRecords(records)) throw new FrameError("its hello carries unreadable records");
  return {
    node,
    instance,
    dial: dial as number,
    at: timeOf(at) ?? 0,
    started: timeOf(started) ?? 0,
    address: address === null ? undefined : hostAndPort(address),
    url: httpsUrl(url),
    records,
  };
}

/** Whether a value from a peer is a list of record texts within the bounds of one message. */
export function isRecords(value: unknown): value is readonly string[] {
  if (!Array.isArray(value) || value.length > recordsLimit) return false;
  return value.every((text) => typeof text === "string" && text.length <= signedLimitBytes);
}

/** A time (epoch ms) from a peer; `undefined` for any other value. */
export function timeOf(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= 8.64e15
    ? (value as number)
    : undefined;
}

function hostAndPort(value: unknown): string {
  const text = typeof value === "string" && value.length <= addressLimit ? value : "";
  const [, host, port] = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(text) ?? [];
  if (host !== undefined && Number(port) > 0 && Number(port) < 65_536) return text;
  throw new FrameError("its hello has an unreadable address");
}

function httpsUrl(value: unknown): string {
  if (typeof value === "string" && value.length <= addressLimit && printable(value) === value) {
    if (URL.canParse(value) && new URL(value).protocol === "https:") return value;
  }
  throw new FrameError("its hello has an unreadable URL");
}
