// Other runtimes for functions over HTTPS, as npm has them: fetched into a folder that goes with the run.

import { spawnSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";

/** A runtime's command, and its port where that was chosen before. */
export interface Runtime {
  readonly command: string;
  readonly args: readonly string[];
  /** Undefined for a runtime that prints its port. */
  readonly port?: number;
}

/** The runtimes, by name. */
export const runtimeNames = ["workerd", "deno", "bun"] as const;

/** The key and the certificate of a server, and a folder for its files. */
interface Place {
  readonly folder: string;
  readonly key: string;
  readonly cert: string;
}

interface Fetched {
  /** Package and path of the binary in it, by `process.platform` and `process.arch`. */
  readonly binaries: Readonly<Record<string, readonly [name: string, path: string]>>;
  prepare(place: Place): Promise<Omit<Runtime, "command">>;
}

const handler = "const [a, b] = await request.json(); return Response.json(a + b);";

const runtimes: Readonly<Record<(typeof runtimeNames)[number], Fetched>> = {
  workerd: {
    binaries: {
      "linux-x64": ["@cloudflare/workerd-linux-64", "bin/workerd"],
      "linux-arm64": ["@cloudflare/workerd-linux-arm64", "bin/workerd"],
      "darwin-arm64": ["@cloudflare/workerd-darwin-arm64", "bin/workerd"],
    },
    prepare: async ({ folder, key, cert }) => {
      const port = await freePort();
      const quoted = async (path: string): Promise<string> => JSON.stringify(await readFile(path, "utf8"));
      const config = `using Workerd = import "/workerd/workerd.capnp";
        const config :Workerd.Config = (
          services = [(name = "main", worker = .echo)],
          sockets = [(name = "https", address = "127.0.0.1:${port}", service = "main", https = (options = (),
            tlsOptions = (keypair = (privateKey = ${await quoted(key)}, certificateChain = ${await quoted(cert)}))))]);
        const echo :Workerd.Worker = (compatibilityDate = "2026-01-01",
          modules = [(name = "echo", esModule = "export default { async fetch(request) { ${handler} } }")]);`;
      await writeFile(join(folder, "config.capnp"), config);
      return { args: ["serve", join(folder, "config.capnp")], port };
    },
  },
  deno: {
    binaries: {
      "linux-x64": ["@deno/linux-x64-glibc", "deno"],
      "linux-arm64": ["@deno/linux-arm64-glibc", "deno"],
      "darwin-arm64": ["@deno/darwin-arm64", "deno"],
    },
    prepare: async ({ folder, key, cert }) => {
      const [file, keyText, certText] = [join(folder, "deno.js"), JSON.stringify(key), JSON.stringify(cert)];
      await writeFile(
        file,
        `const [key, cert] = await Promise.all([${keyText}, ${certText}].map((path) => Deno.readTextFile(path)));
        Deno.serve({ port: 0, hostname: "127.0.0.1", key, cert, onListen: ({ port }) => console.log(port) },
          async (request) => { ${handler} });`,
      );
      return { args: ["run", "--allow-all", "--no-check", file] };
    },
  },
  bun: {
    binaries: {
      "linux-x64": ["@oven/bun-linux-x64", "bin/bun"],
      "linux-arm64": ["@oven/bun-linux-aarch64", "bin/bun"],
      "darwin-arm64": ["@oven/bun-darwin-aarch64", "bin/bun"],
    },
    prepare: async ({ folder, key, cert }) => {
      const [file, keyText, certText] = [join(folder, "bun.js"), JSON.stringify(key), JSON.stringify(cert)];
      await writeFile(
        file,
        `const server = Bun.serve({ port: 0, hostname: "127.0.0.1",
          tls: { key: Bun.file(${keyText}), cert: Bun.file(${certText}) },
          async fetch(request) { ${handler} } });
        console.log(server.port);`,
      );
      return { args: ["run", file] };
    },
  },
};

/** A runtime, fetched and set up; undefined where npm has none for this machine, or does not answer. */
export async function otherRuntime(
  name: (typeof runtimeNames)[number],
  place: Omit<Place, "folder"> & { readonly folder: string },
): Promise<Runtime | undefined> {
  const { binaries, prepare } = runtimes[name];
  const found = binaries[`${process.platform}-${process.arch}`];
  if (found === undefined) return undefined;
  const [packageName, path] = found;
  const folder = join(place.folder, name);
  await mkdir(folder, { recursive: true });
  const flags = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder];
  const { status } = spawnSync("npm", ["install", ...flags, packageName], { cwd: folder, stdio: "ignore" });
  if (status !== 0) return undefined;
  return { command: join(folder, "node_modules", packageName, path), ...(await prepare({ ...place, folder })) };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
