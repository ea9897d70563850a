// Bundles the console's page for browsers: hashed names, the editor in its own chunk, compressed forms of each file.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const sources = "src/console/web";
const output = "dist/console";

/**
 * Zod would compile its parsers with `new Function`, and tries at the first schema whether it may. The page's policy
 * refuses and reports that. Zod reads this setting when it is loaded, so each file sets it before its own code.
 */
const zodWithoutCompiling = "(globalThis.__zod_globalConfig??={}).jitless=true;";

/**
 * Every schema of zod has methods that describe it as a JSON Schema. The page calls none of them: without their code
 * its first load is 6 KB smaller (gzip).
 */
const zodWithoutJsonSchema = {
  name: "zod-without-json-schema",
  setup({ onLoad }) {
    onLoad({ filter: /zod.v4.core.(to-json-schema|json-schema-processors)\.js$/ }, ({ path }) => {
      const names = readFileSync(path, "utf8").matchAll(/^export (?:const|function) (\w+)/gm);
      return { contents: Array.from(names, ([, name]) => `export const ${name} = () => undefined;`).join("\n") };
    });
  },
};

/** Files below this size gain nothing from compression. */
const worthBytes = 512;

/** Writes `dist/console/`: `index.html`, and the files that it loads from `/console/`. Throws the bundler's errors. */
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
    banner: { js: zodWithoutCompiling },
    plugins: [zodWithoutJsonSchema],
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

/** The page's HTML with the names of this build, and preloads of the chunks that the script imports. */
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
