// Pages: each link has a target, the site's menu holds each page, and the prose keeps the rules that a machine can
// check.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { posix } from "node:path";
import { test } from "node:test";
import { packageRoot } from "../../src/core/package-root.js";
import { readText } from "../source-tree.js";
import { anchorsOf, linksOf, type Page, pages } from "./markdown.js";
import { commentFaults, pageFaults } from "./prose.js";

const exists = (path: string): boolean => existsSync(new URL(path, packageRoot()));
const all = pages();
const { slug } = (await import(new URL("docs/.vitepress/slug.mjs", packageRoot()).href)) as {
  slug(heading: string): string;
};

test("each link leads to a page and a heading, or to a file of the repository", () => {
  assert.deepEqual(all.flatMap(brokenLinks), []);
});

test("the site's menu holds each page of docs/ but the decisions, and no other", () => {
  const config = readText("docs/.vitepress/config.mjs");
  const listed = [...config.matchAll(/page\("[^"]+", "\/(docs\/[^"]*)"\)/g)].map(([, path = ""]) =>
    path.endsWith("/") ? `${path}index.md` : `${path}.md`,
  );
  const found = all.map(({ path }) => path).filter((path) => path.startsWith("docs/") && !path.startsWith("docs/adr/"));
  assert.deepEqual([...new Set(listed)].sort(), found);
});

test("the index of decisions links to each of them", () => {
  const index = all.find(({ path }) => path === "docs/internals/decisions.md");
  assert.ok(index, "docs/internals/decisions.md is missing");
  const linked = linksOf(index).map(({ target }) => posix.join("docs/internals", target));
  const decisions = all.map(({ path }) => path).filter((path) => path.startsWith("docs/adr/"));
  assert.deepEqual(
    decisions.filter((path) => !linked.includes(path)),
    [],
  );
});

test("pages keep the rules of prose", () => {
  const faults = all
    // What was is told in the words of then.
    .filter(({ path }) => path !== "CHANGELOG.md")
    .flatMap(({ path, text }) =>
      pageFaults(text, { exists }).map(({ line, problem }) => `${path}:${line}: ${problem}`),
    );
  assert.deepEqual(faults, []);
});

test("the rules of prose see what they refuse, in pages and in comments", () => {
  const problems = (text: string): string[] => pageFaults(text, { exists }).map(({ problem }) => problem);
  assert.deepEqual(problems("Who reads this waits."), ['a sentence begins with "Who": name the subject']);
  assert.deepEqual(problems("It is cut. Who waits is told."), ['a sentence begins with "Who": name the subject']);
  assert.deepEqual(problems("Who reads this? Nobody, who is told."), []);
  assert.deepEqual(problems("As CONTRACT.md says.").length, 2, "a document that is gone, and a file that is not there");
  assert.deepEqual(problems("In `src/nothing-here.ts`."), ["there is no src/nothing-here.ts in the repository"]);
  assert.deepEqual(problems("In `src/core/errors.ts`, `src/node/`, `test/**`, `docs/{a}.md` and README.md."), []);
  assert.deepEqual(problems(`${"word ".repeat(25)}`), ["125 characters, at most 120"]);
  assert.deepEqual(problems(`| ${"word ".repeat(25)} |`), []);
  assert.deepEqual(problems(`[${"a".repeat(60)}](https://example.org/${"b".repeat(60)})`), []);
  assert.deepEqual(problems("```\nWho calls src/gone.ts\n```"), []);
  const inComments = (words: string): string => `/** ${words} */\n// See docs/gone.md\n * ${words}\n`;
  const source = `const Who = "Who waits";\n${inComments("Who waits.")}`;
  assert.deepEqual(
    commentFaults(source, { exists }).map(({ line }) => line),
    [2, 3, 4],
  );
});

function brokenLinks(page: Page): string[] {
  return linksOf(page).flatMap(({ line, target }) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path = "", anchor] = target.split("#");
    const to = path === "" ? page.path : posix.join(posix.dirname(page.path), decodeURI(path));
    const at = `${page.path}:${line}: ${target}`;
    if (to.startsWith("..") || !exists(to)) return [`${at}: there is no ${to}`];
    const linked = all.find((other) => other.path === to);
    // The site has no such page, and a link of Markdown to it does not build.
    if (linked === undefined && to.endsWith(".md")) return [`${at}: ${to} is no page of the site: name it, or move it`];
    if (anchor === undefined) return [];
    return linked !== undefined && anchorsOf(linked, slug).has(anchor) ? [] : [`${at}: there is no such heading`];
  });
}
