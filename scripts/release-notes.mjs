// Prints a version's section of CHANGELOG.md, for its release: node scripts/release-notes.mjs vVERSION
// Fails when the tag is not the version of package.json or the changelog has no dated section for it.

import { readFileSync } from "node:fs";
import { argv } from "node:process";
import { pathToFileURL } from "node:url";

/** The text below `## [VERSION] - DATE` of a changelog in the form of Keep a Changelog. Throws when there is none. */
export function notesOf(changelog, version) {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((text) => text.startsWith(`[${version}] - `));
  const [heading = "", ...lines] = section?.split("\n") ?? [];
  if (!/ - \d{4}-\d{2}-\d{2}$/.test(heading)) throw new Error(`CHANGELOG.md has no "## [${version}] - YYYY-MM-DD"`);
  const text = lines.filter((line) => !/^\[[^\]]+\]: /.test(line)).join("\n");
  return `${text.trim()}\n`;
}

/** The version that a tag such as `v1.2.3` names. Throws when it is not that of the manifest. */
export function versionOf(tag, manifest) {
  if (tag !== `v${manifest.version}`) throw new Error(`the tag ${tag} is not v${manifest.version} of package.json`);
  return manifest.version;
}

if (argv[1] !== undefined && pathToFileURL(argv[1]).href === import.meta.url) {
  const read = (path) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
  const version = versionOf(argv[2], JSON.parse(read("package.json")));
  process.stdout.write(notesOf(read("CHANGELOG.md"), version));
}
