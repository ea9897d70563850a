// Chooses the front door: uWebSockets where its binary loads, Node's own server everywhere else.

import type { DoorKind } from "../../core/door-kind.js";
import { UsageError } from "../../core/usage-error.js";
import type { FrontDoor, FrontDoorOptions } from "./front-door.js";

/**
 * The front door of a kind, the fast one where it can be had by default. Throws {@link UsageError} where the binary of
 * uWebSockets does not load and no other door is allowed.
 */
export async function openDoor(kind: DoorKind | undefined, options: FrontDoorOptions): Promise<FrontDoor> {
  const missing = kind === "node" ? "" : await whyNoUws();
  if (missing === undefined) {
    const { UwsDoor } = await import("./uws/uws-door.js");
    return new UwsDoor(options);
  }
  if (kind === "uws") throw new UsageError(`--door uws: the binary of uWebSockets does not load here: ${missing}`);
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
