// Reads the product's compose files and gives plain docker, which a test bed has, the same settings: the tests start
// the containers of the files. An unknown key is an error, so that no part of a file stays untested in silence.

import { parse } from "yaml";
import { z } from "zod";
import { readText } from "../source-tree.js";

const network = z.strictObject({ aliases: z.array(z.string()).optional() });

const service = z.strictObject({
  image: z.string(),
  build: z.strictObject({ context: z.literal("../.."), dockerfile: z.literal("runtime/container/Dockerfile") }),
  command: z.array(z.string()),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  tmpfs: z.array(z.string()).default([]),
  secrets: z.array(z.string()).default([]),
  networks: z.union([z.array(z.string()), z.record(z.string(), network)]).default(["default"]),
  read_only: z.boolean(),
  cap_drop: z.array(z.string()),
  security_opt: z.array(z.string()),
  init: z.boolean(),
  ipc: z.string(),
  restart: z.string(),
  stop_grace_period: z.string().regex(/^[0-9]+s$/),
  mem_limit: z.string(),
  memswap_limit: z.string(),
  cpus: z.number(),
  pids_limit: z.number(),
  logging: z.strictObject({ driver: z.string(), options: z.record(z.string(), z.string()) }),
});

const file = z.strictObject({
  name: z.string(),
  "x-wall": z.unknown().optional(),
  "x-node": z.unknown().optional(),
  services: z.record(z.string(), service),
  networks: z.record(z.string(), z.strictObject({ internal: z.boolean().default(false) })).default({}),
  volumes: z.record(z.string(), z.strictObject({})).default({}),
  secrets: z.record(z.string(), z.strictObject({ file: z.string() })).default({}),
});

/** A compose file, as far as ours go. */
export type ComposeFile = z.infer<typeof file>;

/** A service of one. */
export type ComposeService = z.infer<typeof service>;

/** A file of `runtime/container`. Throws, naming the place, when it holds what this does not know. */
export function readCompose(name: string): ComposeFile {
  return file.parse(parse(readText(`runtime/container/${name}`), { merge: true }));
}

/** The networks of a service by name, each with the service's aliases; the first is the network of `docker create`. */
export function networksOf({ networks }: ComposeService): readonly (readonly [string, readonly string[]])[] {
  if (Array.isArray(networks)) return networks.map((name) => [name, []] as const);
  return Object.entries(networks).map(([name, { aliases }]) => [name, aliases ?? []] as const);
}

/**
 * The arguments of `docker create` for a service, up to its image and command. `named` gives the engine's name of a
 * volume, `secret` the path of a secret's file. The published ports are free ones, since those of the file may be
 * taken: the only difference from the file.
 */
export function createArguments(
  one: ComposeService,
  { named, secret }: { named: (volume: string) => string; secret: (name: string) => string },
): string[] {
  const each = (flag: string, values: readonly string[]): string[] => values.flatMap((value) => [flag, value]);
  return [
    ...(one.read_only ? ["--read-only"] : []),
    ...(one.init ? ["--init"] : []),
    ...["--ipc", one.ipc],
    ...each("--cap-drop", one.cap_drop),
    ...each("--security-opt", one.security_opt),
    ...each("--tmpfs", one.tmpfs),
    ...each("--volume", one.volumes.map(named)),
    ...each(
      "--volume",
      one.secrets.map((name) => `${secret(name)}:/run/secrets/${name}:ro`),
    ),
    ...each(
      "--publish",
      one.ports.map((port) => port.replace(/^(127\.0\.0\.1):[0-9]+:/, "$1::")),
    ),
    ...["--restart", one.restart, "--stop-timeout", one.stop_grace_period.replace("s", "")],
    ...["--memory", one.mem_limit, "--memory-swap", one.memswap_limit],
    ...["--cpus", String(one.cpus), "--pids-limit", String(one.pids_limit)],
    ...["--log-driver", one.logging.driver],
    ...each(
      "--log-opt",
      Object.entries(one.logging.options).map(([name, value]) => `${name}=${value}`),
    ),
    one.image,
    ...one.command,
  ];
}
