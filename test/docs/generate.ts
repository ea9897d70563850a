// Writes the generated parts into their pages: `npm run docs -- generate`.

import { readFileSync, writeFileSync } from "node:fs";
import { packageRoot } from "../../src/core/package-root.js";
import { generatedParts } from "./generated-parts.js";
import { withPart } from "./markdown.js";

for (const part of await generatedParts()) {
  const url = new URL(part.page, packageRoot());
  const before = readFileSync(url, "utf8");
  const text = withPart(before, part);
  if (text !== before) {
    writeFileSync(url, text);
    console.log(`${part.page}: ${part.name}`);
  }
}
