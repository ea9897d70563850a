// A process that opens the identity of a state folder, says what it found, and stays until it is killed.

import { writeSync } from "node:fs";
import { systemClock } from "../../../src/core/clock.js";
import { Identity } from "../../../src/pki/identity/identity.js";

const [state = ""] = process.argv.slice(2);
writeSync(1, "opening\n");
try {
  const options = { state, ephemeral: false, name: "n1", domains: [], advertise: "localhost", clock: systemClock };
  const identity = await Identity.open(options);
  writeSync(1, `${identity.meshId}\n`);
  setInterval(() => undefined, 1_000);
} catch (error) {
  writeSync(1, `refused ${(error as Error).message}\n`);
}
