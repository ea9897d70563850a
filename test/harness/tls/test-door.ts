// The front door that tests go through: `HERD_TEST_DOOR`, or the default of this machine.

import { type DoorKind, doorKinds } from "../../../src/core/door-kind.js";

/** The door to open; undefined for the default. */
export const testDoor: DoorKind | undefined = doorKinds.find((kind) => kind === process.env.HERD_TEST_DOOR);
