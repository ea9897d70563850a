// Pages as their tests see them: links, anchors, tables, and the parts that the code gives.

import { readdirSync } from "node:fs";
import { posix, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../../src/core/package-root.js";
import { readText } from "../source-tree.js";

/** A page; `path` starts at the repository's root. */
export interface Page {
  readonly path: string;
  readonly text: string;
}

/** A link of a page, as it stands there. */
export interface Link {
  readonly line: number;
  readonly target: string;
}

/** Every page of the repository: those at its root, and those below docs/. */
export function pages(): Page[] {
  const root = fileURLToPath(packageRoot());
  const atRoot = readdirSync(root).filter((name) => name.endsWith(".md"));
  const below = readdirSync(`${root}/docs`, { recursive: true, encoding: "utf8" })
    .map((path) => posix.join("docs", path.split(sep).join("/")))
    .filter((path) => path.endsWith(".md") && !path.includes("/.vitepress/"));
  return [...atRoot, ...below].sort().map((path) => ({ path, text: readText(path) }));
}

/** A page's text with its code blocks emptied, so that lines keep their numbers. */
function withoutCode(text: string): string {
  return text.replace(/^([ \t]*```)[^\n]*\n[\s\S]*?^\1[ \t]*$/gm, (block) => block.replace(/[^\n]/g, ""));
}

/** The links and images of a page. */
export function linksOf({ text }: Page): Link[] {
  return withoutCode(text)
    .split("\n")
    .flatMap((line, index) =>
      [...line.replace(/`[^`]*`/g, "").matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => ({
        line: index + 1,
        target,
      })),
    );
}

/** The anchors of a page's headings; `slug` makes one of a heading's text. */
export function anchorsOf({ text }: Page, slug: (heading: string) => string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of withoutCode(text).matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const plain = slug(heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/[`*]/g, ""));
    for (let count = 0; ; count++) {
      const anchor = count === 0 ? plain : `${plain}-${count}`;
      if (anchors.has(anchor)) continue;
      anchors.add(anchor);
      break;
    }
  }
  return anchors;
}

/** The rows of every table below a heading (its own level and deeper), as cells; header rows and rules are left out. */
export function rowsBelow(text: string, heading: string): string[][] {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, "") === heading);
  if (start < 0) throw new TypeError(`no heading ${heading}`);
  const level = /^#+/.exec(lines[start] ?? "")?.[0].length ?? 1;
  const length = lines.slice(start + 1).findIndex((line) => (/^#+(?= )/.exec(line)?.[0].length ?? 99) <= level);
  const section = lines.slice(start + 1, length < 0 ? undefined : start + 1 + length);
  return section.flatMap((line, index) => {
    const isHead = /^\|[-| ]+\|$/.test(section[index + 1] ?? "");
    return !line.startsWith("|") || isHead || /^\|[-| ]+\|$/.test(line) ? [] : [cellsOf(line)];
  });
}

/** The cells of a table's row; a bar after a backslash is text. */
function cellsOf(row: string): string[] {
  return row
    .replace(/^\||\|$/g, "")
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll("\\|", "|"));
}

/** The page with the part between `<!-- generated: NAME -->` and `<!-- end -->` replaced. */
export function withPart(text: string, { name, content }: { name: string; content: string }): string {
  const pattern = new RegExp(`(<!-- generated: ${name} -->)\\n(?:(?!<!-- )[\\s\\S])*(<!-- end -->)`);
  if (!pattern.test(text)) throw new TypeError(`no place for the generated part ${name}`);
  return text.replace(pattern, (_match, begin: string, end: string) => `${begin}\n\n${content.trim()}\n\n${end}`);
}
