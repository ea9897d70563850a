// Samples: the functions that a node starts with. Each file or folder of one directory is an app, until a user changes
// it.

import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { AppRecord } from "../catalog/model.js";
import { backoffMs } from "../core/backoff.js";
import { HerdError } from "../core/errors.js";
import type { Logger } from "../core/log.js";
import type { SourceFile, SourceLimits } from "../core/source-file.js";
import { pause, type Timers } from "../core/timers.js";
import type { Deployer } from "./deployer.js";
import type { Catalog } from "./ports.js";
import { appNameOf, isSource, isSourceFolder, readSourceFolder } from "./read-source-folder.js";

/** The recorded caller of a revision that was deployed from here. No token has such an id. */
const samplesBy = "functions";

/** Tries for a sample that a busy machine could not compile, or spread, in time. */
const tries = 8;
const waitMs = { firstMs: 2_000, lastMs: 30_000 };

/** Dependencies of {@link deploySamples}. An aborted signal stops it, also within a compilation. */
export interface SamplesOptions {
  readonly deployer: Pick<Deployer, "deploy">;
  readonly catalog: Pick<Catalog, "get" | "wasRemoved" | "source">;
  readonly limits: SourceLimits;
  readonly log: Logger;
  readonly timers: Timers;
  readonly signal?: AbortSignal;
  /** Whether this node carries the deploy mark; without it nothing is deployed. Default: it does. */
  readonly mayDeploy?: boolean;
  /**
   * Whether the mesh existed before this node: then only missing apps are deployed, since the mesh's samples may be
   * newer.
   */
  readonly joined?: boolean;
  /** Whether a node that joined has compared its records with a peer's; `true` when not given. */
  readonly caughtUp?: boolean;
  /** Called with each app that is about to be compiled. */
  readonly onDeploy?: (app: string) => void;
}

/**
 * Deploys the apps of `folder` that are new or changed there; returns the names of all of them that the catalog then
 * has. An app that a user deployed, rolled back or removed is the user's and stays as it is.
 */
export async function deploySamples(folder: string, options: SamplesOptions): Promise<string[]> {
  // An app that the mesh removed, or has newer, must not come back with a node that joins.
  if (options.joined === true && options.caughtUp === false) {
    options.log.warn(`the functions in ${folder} were not deployed: no peer answered`);
    return [];
  }
  const entries = await readdir(folder, { withFileTypes: true });
  const apps: string[] = [];
  for (const entry of entries.sort((left, right) => (left.name < right.name ? -1 : 1))) {
    if (options.signal?.aborted) break;
    if (!isSample(entry)) continue;
    const app = appNameOf(entry.name);
    try {
      if (await deployPatiently({ app, path: join(folder, entry.name) }, options)) apps.push(app);
    } catch (error) {
      if (options.signal?.aborted) break;
      const places =
        error instanceof HerdError
          ? error.diagnostics?.map(({ file, line, column, message }) => `${file}:${line}:${column} ${message}`)
          : [];
      options.log.warn(`the functions in ${entry.name} were not deployed`, { app, cause: error, diagnostics: places });
    }
  }
  return apps;
}

function isSample(entry: Dirent): boolean {
  return entry.isDirectory() ? isSourceFolder(entry.name) : isSource(entry.name);
}

/** As {@link deploySample}, with retries while the machine is at fault. */
async function deployPatiently(sample: { app: string; path: string }, options: SamplesOptions): Promise<boolean> {
  const { timers, log, signal = new AbortController().signal } = options;
  for (let count = 1; ; count++) {
    try {
      return await deploySample(sample, options);
    } catch (cause) {
      const isTemporary = cause instanceof HerdError && cause.fault === "node";
      if (!isTemporary || count === tries || signal.aborted) throw cause;
      const seconds = backoffMs(count, waitMs) / 1_000;
      log.info(`${sample.app} cannot be deployed yet, trying again in ${seconds} s: ${cause.message}`);
      await pause(seconds * 1_000, { timers, signal });
      signal.throwIfAborted();
    }
  }
}

/** Whether the catalog has the app then. */
async function deploySample(sample: { app: string; path: string }, options: SamplesOptions): Promise<boolean> {
  const { deployer, catalog, limits, signal } = options;
  const { app, path } = sample;
  const record = catalog.get(app);
  if (options.mayDeploy === false || (options.joined === true && record !== undefined)) return record !== undefined;
  if (record === undefined ? catalog.wasRemoved(app) : !isOurs(record)) return record !== undefined;
  const files = await readSourceFolder(path, limits);
  if (files.length === 0) return record !== undefined;
  if (record !== undefined && isSame(files, await knownSource(record, catalog))) return true;
  options.onDeploy?.(app);
  await deployer.deploy({ app, files, by: samplesBy, signal });
  return true;
}

/** The stored source of an app; none where its bytes are damaged here: the deploy that follows stores them again. */
async function knownSource(
  { app, revision }: AppRecord,
  catalog: Pick<Catalog, "source">,
): Promise<readonly SourceFile[]> {
  try {
    return await catalog.source(app, revision);
  } catch (error) {
    if (error instanceof HerdError && error.fault === "node") return [];
    throw error;
  }
}

/** Whether the current revision was deployed from here and is the newest of those: after a rollback it is not. */
function isOurs({ revision, revisions }: AppRecord): boolean {
  return revisions.findLast(({ by }) => by === samplesBy)?.revision === revision;
}

function isSame(files: readonly SourceFile[], known: readonly SourceFile[]): boolean {
  const textOf = new Map(known.map((file) => [file.path, file.text]));
  return known.length === files.length && files.every((file) => textOf.get(file.path) === file.text);
}
