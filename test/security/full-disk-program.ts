// Fills a real file system, that of the folder it is given, and prints what was seen; full-disk.test.ts mounts it and
// starts this.

import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { fullDisk } from "./full-disk-scenario.js";

const [mounted = "", elsewhere = ""] = process.argv.slice(2);
const ballast = join(mounted, "ballast");

/** Down to the last byte: large pieces first. */
async function fill(): Promise<void> {
  const file = await open(ballast, "w");
  for (const bytes of [65_536, 4_096, 1]) {
    for (let full = false; !full; ) {
      full = await file.write(Buffer.alloc(bytes)).then(
        ({ bytesWritten }) => bytesWritten < bytes,
        () => true,
      );
    }
  }
  await file.close();
}

const free = (): Promise<void> => rm(ballast);
process.stdout.write(`${JSON.stringify(await fullDisk({ folder: mounted, elsewhere, fill, free }))}\n`);
