// Chooses the front door, and opens it: uWebSockets where its binary loads, Node's own server everywhere else.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { DoorKind } from "../../core/door-kind.js";
import { UsageError } from "../../core/usage-error.js";
import type { FrontDoor, FrontDoorOptions } from "./front-door.js";
import { binaries } from "./uws/binaries.js";

/**
 * The door to open: the one that is wanted, else the fastest one that runs here. Throws {@link UsageError} where
 * uWebSockets is wanted and its binary does not load.
 */
export async function chooseDoor(wanted: DoorKind | undefined): Promise<DoorKind> {
  if (wanted === "node") return "node";
  const missing = await whyNoUws();
  if (missing === undefined) return "uws";
  if (wanted === undefined) return "node";
  throw new UsageError(`--door uws: the binary of uWebSockets does not load here: ${missing}`);
}

/** A front door of that kind, which does not listen yet. */
export async function openDoor(kind: DoorKind, options: FrontDoorOptions): Promise<FrontDoor> {
  if (kind === "uws") {
    const { UwsDoor } = await import("./uws/uws-door.js");
    return new UwsDoor(options);
  }
  const { NodeDoor } = await import("./node/node-door.js");
  return new NodeDoor(options);
}

/**
 * Why uWebSockets cannot be had: no binary for this version of Node, C library, system or processor, or one that is not
 * the pinned one. Undefined when it can.
 */
async function whyNoUws(): Promise<string | undefined> {
  const { platform, arch, versions } = process;
  const name = `uws_${platform}_${arch}_${versions.modules}.node`;
  const pinned = binaries[name];
  if (pinned === undefined) return `there is none for Node ${versions.node} on ${platform} ${arch}`;
  try {
    const path = createRequire(import.meta.url).resolve("uWebSockets.js");
    const found = createHash("sha256").update(await readFile(join(dirname(path), name)));
    if (found.digest("hex") !== pinned) return `${name} is not the binary that this version of Wasmherd knows`;
    await import("uWebSockets.js");
    return undefined;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    // The message of uWebSockets lists versions of Node; the last line is the system's reason.
    return text.trim().split("\n").at(-1) ?? "";
  }
}
