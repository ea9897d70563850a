// The functions that a node is started with: each file or folder of one directory is an app.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { StoredSource } from "../catalog/model.js";
import { HerdError } from "../core/errors.js";
import type { Logger } from "../core/log.js";
import type { Deployer } from "./deployer.js";
import type { Catalog } from "./seams.js";
import { appNameOf, isSource, readSourceTree, type SourceLimits } from "./source-tree.js";

/** An app as it lies on disk. */
export interface SourceTree {
  readonly app: string;
  readonly files: readonly StoredSource[];
}

/** Deploys every app of `folder` whose source is not what the catalog holds; returns the names of all that answer. */
export async function deploySamples(
  folder: string,
  options: {
    readonly deployer: Deployer;
    readonly catalog: Catalog;
    readonly limits: SourceLimits;
    readonly log: Logger;
  },
): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const apps: string[] = [];
  for (const entry of entries.sort((left, right) => (left.name < right.name ? -1 : 1))) {
    if (!entry.isDirectory() && !isSource(entry.name)) continue;
    const app = appNameOf(entry.name);
    try {
      const files = await readSourceTree(join(folder, entry.name), options.limits);
      if (files.length === 0) continue;
      if (!(await holds(options.catalog, { app, files })))
        await options.deployer.deploy({ app, files, by: "functions" });
      apps.push(app);
    } catch (error) {
      const places =
        error instanceof HerdError
          ? error.diagnostics?.map(({ file, line, column, message }) => `${file}:${line}:${column} ${message}`)
          : [];
      options.log.warn(`the functions in ${entry.name} were not deployed`, { app, cause: error, diagnostics: places });
    }
  }
  return apps;
}

async function holds(catalog: Catalog, tree: SourceTree): Promise<boolean> {
  const record = catalog.get(tree.app);
  if (record === undefined) return false;
  const known = await catalog.source(tree.app, record.revision);
  const textOf = new Map(known.map((file) => [file.path, file.text]));
  return known.length === tree.files.length && tree.files.every((file) => textOf.get(file.path) === file.text);
}
