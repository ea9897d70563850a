// A process that changes files of a state folder without end and prints each change once it is durable;
// state-folder.kill.test.ts kills it.

import { writeSync } from "node:fs";
import { openStateFolder } from "../../../src/pki/state/state-folder.js";

const [directory = "", round = ""] = process.argv.slice(2);
const folder = await openStateFolder(directory, { ephemeral: false });
const files = await folder.files("registry");
/** Each file has one writer, and several are written at the same time. */
async function change(name: string): Promise<void> {
  for (let count = 1; ; count++) {
    if (count % 7 === 0) {
      await files.remove(name);
      writeSync(1, `${name} gone\n`);
    } else {
      await files.write(name, `${round}-${count}`);
      writeSync(1, `${name} ${round}-${count}\n`);
    }
  }
}
await Promise.all(["a", "b", "c", "d"].map(change));
