// The site of the documents: the pages of docs/ and those at the root of the repository, with search. `npm run docs` builds it.

import { existsSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { defineConfig } from "vitepress";
import { drawDiagrams } from "./diagrams.mjs";
import { slug } from "./slug.mjs";

const root = new URL("../../", import.meta.url);
const { repository } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));
/** Where the files of the repository can be read, when package.json names the place. */
const files = repository?.url?.replace(/^git\+/, "").replace(/\.git$/, "/blob/main/");

const page = (text, link) => ({ text, link });

const guides = [
  page("Write functions", "/docs/guides/write-functions"),
  page("Run a mesh", "/docs/guides/run-a-mesh"),
  page("Nodes that were away", "/docs/guides/away"),
  page("Run nodes in containers", "/docs/guides/containers"),
  page("Own a machine", "/docs/guides/own-a-machine"),
  page("Operate", "/docs/guides/operate"),
  page("Secure", "/docs/guides/secure"),
];

const reference = [
  page("HTTPS interface", "/docs/reference/https"),
  page("Command line", "/docs/reference/command-line"),
  page("Configuration", "/docs/reference/configuration"),
  page("Values", "/docs/reference/values"),
  page("Errors", "/docs/reference/errors"),
  page("Events", "/docs/reference/events"),
  page("Metrics", "/docs/reference/metrics"),
  page("Limits", "/docs/reference/limits"),
];

const internals = [
  page("Architecture", "/ARCHITECTURE"),
  page("Design", "/docs/internals/design"),
  page("How a deploy propagates", "/docs/internals/propagation"),
  page("Sandbox measurements", "/docs/internals/sandbox"),
  page("Facts about dependencies", "/docs/internals/dependencies"),
  page("Decisions", "/docs/internals/decisions"),
  page("Planned", "/docs/internals/planned"),
  page("Style", "/docs/internals/style"),
  page("Glossary", "/docs/glossary"),
];

/** A link to a file that is no page leads to the repository, or is plain text where nobody knows the repository. */
function linkFiles(markdown) {
  markdown.core.ruler.push("link-files", ({ tokens, env }) => {
    const folder = posix.dirname(env.relativePath ?? "");
    for (const { children } of tokens) {
      for (const [index, token] of (children ?? []).entries()) {
        const href = token.type === "link_open" ? token.attrGet("href") : null;
        if (href === null || /^([a-z]+:|#|\/)/.test(href) || /\.md(#|$)/.test(href)) continue;
        const path = posix.join(folder, href.split("#")[0]);
        if (!existsSync(new URL(path, root))) throw new Error(`${env.relativePath}: ${href} is no file`);
        const close = children.find(({ type }, at) => at > index && type === "link_close");
        if (files !== undefined) token.attrSet("href", files + path);
        else for (const end of [token, close]) Object.assign(end, { type: "text", tag: "", content: "", nesting: 0 });
      }
    }
  });
}

export default defineConfig({
  title: "Wasmherd",
  description: "A WebAssembly-sandboxed edge runtime: the machines you already own as one computer for functions.",
  srcDir: "..",
  outDir: "../dist/site",
  cacheDir: "../dist/site-cache",
  srcExclude: [
    "node_modules/**",
    "dist/**",
    "bench/**",
    "functions/**",
    "runtime/**",
    "scripts/**",
    "src/**",
    "test/**",
  ],
  rewrites: { "README.md": "index.md" },
  cleanUrls: true,
  ignoreDeadLinks: "localhostLinks",
  markdown: {
    anchor: { slugify: slug },
    config(markdown) {
      linkFiles(markdown);
      drawDiagrams(markdown);
    },
    // Braces in a heading are part of a path.
    attrs: { disable: true },
  },
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    nav: [
      page("Getting started", "/docs/getting-started"),
      page("Guides", "/docs/guides/write-functions"),
      page("Reference", "/docs/reference/https"),
      page("Internals", "/ARCHITECTURE"),
    ],
    sidebar: [
      {
        text: "Wasmherd",
        items: [
          page("About", "/"),
          page("Documents", "/docs/"),
          page("Getting started", "/docs/getting-started"),
          page("Security", "/SECURITY"),
          page("Contributing", "/CONTRIBUTING"),
          page("Support", "/SUPPORT"),
          page("Changelog", "/CHANGELOG"),
        ],
      },
      { text: "Guides", items: guides },
      { text: "Reference", items: reference },
      { text: "Internals", items: internals, collapsed: true },
    ],
  },
});
