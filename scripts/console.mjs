// Bundles the console's page for browsers: hashed names, the editor in a chunk of its own, each file compressed beside itself.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const sources = "src/console/web";
const output = "dist/console";

/** Files below this size gain nothing from compression. */
const worthBytes = 512;

/** Writes `dist/console/`: `index.html`, and the files that it names under `/console/`. Throws what the bundler throws. */
export async function bundleConsole(folder) {
  const { build } = await import("esbuild");
  const { metafile, outputFiles } = await build({
    absWorkingDir: folder,
    entryPoints: [`${sources}/main.tsx`, `${sources}/style.css`, `${sources}/icon.svg`],
    outdir: output,
    outbase: sources,
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    target: ["chrome123", "firefox128", "safari17.5"],
    minify: true,
    legalComments: "none",
    loader: { ".svg": "copy" },
    jsx: "automatic",
    jsxImportSource: "preact",
    metafile: true,
    write: false,
    logLevel: "warning",
  });
  const target = join(folder, output);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  for (const { path, contents } of outputFiles) write(join(target, basename(path)), contents);
  const names = Object.fromEntries(
    Object.entries(metafile.outputs).flatMap(([path, { entryPoint }]) =>
      entryPoint === undefined ? [] : [[basename(entryPoint), path]],
    ),
  );
  const html = pageOf(readFileSync(join(folder, sources, "page.html"), "utf8"), { names, metafile });
  write(join(target, "index.html"), Buffer.from(html));
}

/** The page with the names of this build, and what its script needs at once loaded beside it. */
function pageOf(template, { names, metafile }) {
  const script = names["main.tsx"];
  const needed = metafile.outputs[script].imports.filter(({ kind }) => kind === "import-statement");
  const preloads = needed.map(({ path }) => `<link rel="modulepreload" href="/console/${basename(path)}">`).join("\n");
  const places = {
    script: basename(script),
    style: basename(names["style.css"]),
    icon: basename(names["icon.svg"]),
  };
  return template
    .replace("<!--preloads-->", () => preloads)
    .replace(/\{(script|style|icon)\}/g, (_, place) => places[place]);
}

function write(path, contents) {
  writeFileSync(path, contents);
  if (contents.length < worthBytes || extname(path) === ".map") return;
  const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  writeFileSync(`${path}.br`, brotliCompressSync(contents, { params: quality }));
  writeFileSync(`${path}.gz`, gzipSync(contents, { level: 9 }));
}
