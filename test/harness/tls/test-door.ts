// The front door that tests go through: `HERD_TEST_DOOR`, or the default of this machine.

import { type DoorKind, doorKinds } from "../../../src/core/door-kind.js";
import { chooseDoor } from "../../../src/server/door/open-door.js";

/** The door of every server that a test starts in its own process. */
export const testDoor: DoorKind = await chooseDoor(doorKinds.find((kind) => kind === process.env.HERD_TEST_DOOR));
