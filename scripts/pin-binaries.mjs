// Writes the SHA-256 of each binary of the installed uWebSockets.js to src/server/door/uws/binaries.ts: run it, and
// read the difference, when the version changes: node scripts/pin-binaries.mjs

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const folder = new URL("../node_modules/uWebSockets.js/", import.meta.url);
const { version } = JSON.parse(readFileSync(new URL("package.json", folder), "utf8"));
const names = readdirSync(folder)
  .filter((name) => name.endsWith(".node"))
  .sort();
const lines = names.map((name) => {
  const digest = createHash("sha256").update(readFileSync(new URL(name, folder)));
  return `  "${name}": "${digest.digest("hex")}",`;
});
const text = `// The binaries of uWebSockets.js ${version}, by name: written by scripts/pin-binaries.mjs.

/** SHA-256 of each binary, hex. A binary that is another one is not loaded. */
export const binaries: Readonly<Record<string, string>> = {
${lines.join("\n")}
};
`;
writeFileSync(new URL("../src/server/door/uws/binaries.ts", import.meta.url), text);
console.log(`${names.length} binaries of ${version}`);
