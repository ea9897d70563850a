// Chooses the front door, and opens it: uWebSockets where its binary loads, Node's own server everywhere else.

import type { DoorKind } from "../../core/door-kind.js";
import { UsageError } from "../../core/usage-error.js";
import type { FrontDoor, FrontDoorOptions } from "./front-door.js";

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

/** Why the binary does not load: another version of Node, C library, system or processor. Undefined when it does. */
async function whyNoUws(): Promise<string | undefined> {
  try {
    await import("uWebSockets.js");
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
  }
}
