// Ports of a deploy: a compiler, a sandbox that prepares, a catalog, and the switch that calls read.

import type { AppInterface } from "../../runtime/interface/model.js";
import type { CallableRevision } from "../../runtime/sandbox/prepared-revision.js";
import type { AppRecord, Deployment, DeploymentResult, PublishedManifest } from "../catalog/model.js";
import type { SourceFile } from "../core/source-file.js";

/**
 * Turns source into a component. Compilations with one key (the caller's) run one after the other. Rejects with
 * `source.invalid` or `type.unsupported` and their diagnostics, and with `compile.timeout`.
 */
export interface Compiler {
  compile(
    files: readonly SourceFile[],
    options: { readonly signal?: AbortSignal | undefined; readonly key: string },
  ): Promise<{ readonly component: Uint8Array; readonly interface: AppInterface }>;
}

/**
 * Makes a component ready to run, or only reads its interface or the source with it. None of this happens on the
 * calling thread: the bytes may be hostile.
 */
export interface Preparer {
  prepare(component: Uint8Array, revision: string): Promise<CallableRevision>;
  inspect(component: Uint8Array): Promise<AppInterface>;
  /** Rejects when the bytes are not a stored source. */
  checkSource(source: Uint8Array): Promise<void>;
}

/** Apps and their revisions; every change is signed and durable when its promise resolves. */
export interface Catalog {
  list(): readonly AppRecord[];
  get(app: string): AppRecord | undefined;
  wasRemoved(app: string): boolean;
  /** Whether only the app's name is known, since its files were lost. */
  isLost?(app: string): boolean;
  put(deployment: Deployment): Promise<DeploymentResult>;
  remove(app: string, options: { readonly by: string }): Promise<PublishedManifest>;
  rollbackTarget(app: string, revision?: string): string;
  rollback(
    app: string,
    options: { readonly by: string; readonly revision?: string | undefined },
  ): Promise<PublishedManifest>;
  /** SHA-256, in hex, of a revision's component. */
  digestOf(revision: string): string | undefined;
  component(revision: string): Promise<Uint8Array>;
  source(app: string, revision: string): Promise<readonly SourceFile[]>;
  /** The same as JSON. */
  sourceText(app: string, revision: string): Promise<Uint8Array>;
}

/** The running apps: which prepared revision runs an app's calls. */
export interface Switch {
  activate(app: string, prepared: CallableRevision, options: { readonly public: boolean }): void;
  remove(app: string): void;
}

/** A change of an app, for the audit log. `subject` is the app, `by` the id of the token of the caller. */
export interface DeployEvent {
  readonly event: "app.deployed" | "app.rolled-back" | "app.removed";
  readonly subject: string;
  readonly by: string;
  readonly detail: string;
}

/** Spreads a change: waits until other nodes hold it. */
export interface Spread {
  /**
   * Resolves to the names of the other nodes that hold it, once they are enough that no single failure loses it. Throws
   * `node.unavailable` when no living peer holds it, and the signal's reason when that aborts.
   */
  acknowledge(manifest: PublishedManifest, signal?: AbortSignal): Promise<readonly string[]>;
}
