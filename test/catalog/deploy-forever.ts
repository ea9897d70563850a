// A process that deploys without end and prints each revision that was acknowledged; catalog.kill.test.ts kills it.

import { writeSync } from "node:fs";
import { Catalog } from "../../src/catalog/catalog.js";
import { systemClock } from "../../src/core/clock.js";
import { SealedFiles } from "../../src/storage/sealed-files.js";
import { Sealer } from "../../src/storage/sealer.js";
import { soloMesh } from "./solo-mesh.js";

const [directory = "", round = ""] = process.argv.slice(2);
const files = await SealedFiles.open(directory, new Sealer(Buffer.alloc(32, 7)), { scope: "catalog" });
const catalog = new Catalog({ files, clock: systemClock, ...soloMesh() });
await catalog.open();
for (let count = 0; ; count++) {
  const text = `round ${round}, deployment ${count}`;
  const app = `app-${count % 3}`;
  const component = Buffer.alloc(20_000, text);
  const { revision } = await catalog.put({
    app,
    component,
    source: [{ path: "index.ts", text }],
    functions: [],
    by: "test",
  });
  // Synchronous, so that what the parent reads was acknowledged before the kill.
  writeSync(1, `${app} ${revision}\n`);
}
