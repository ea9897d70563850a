// Propagation: pulls the bytes of announced manifests, checks them, holds them, and switches calls over.

import type { ManifestRecord } from "../catalog/manifest.js";
import type { ManifestRecords } from "../catalog/manifest-records.js";
import type { Clock } from "../core/clock.js";
import { HerdError } from "../core/errors.js";
import type { Logger } from "../core/log.js";
import { signedLimitBytes } from "../core/signed.js";
import type { Random, Timers } from "../core/timers.js";
import type { From, Link, Links } from "../mesh/ports.js";
import type { Activation, PreparedComponent } from "./activation.js";
import { BlobPulls } from "./blob-pull.js";
import { BlobSource } from "./blob-source.js";
import { type HoldJob, HoldJobs } from "./hold-jobs.js";

const warnAfter = 4;

/** Dependencies of {@link Propagator}. */
export interface PropagatorOptions {
  readonly records: ManifestRecords;
  readonly activation: Activation;
  readonly links: Pick<Links, "get" | "all" | "handle" | "watch">;
  readonly clock: Pick<Clock, "monotonic">;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Logger;
}

/**
 * The request `hold`: a manifest's text. Its response states that the manifest is held, or that later changes made it
 * obsolete.
 */
export interface HoldRequest {
  readonly text: string;
}

/**
 * Holds announced manifests, two of one author at a time, the highest of their apps first. A manifest that cannot be
 * pulled or prepared is tried again with growing pauses, and at once when a link opens.
 */
export class Propagator {
  readonly #options: PropagatorOptions;
  readonly #stopped = new AbortController();
  readonly #source: BlobSource;
  readonly #pulls: BlobPulls;
  readonly #jobs: HoldJobs;
  #unwatch: (() => void)[] = [];

  /** Registers the handlers of requests `blob` and `hold`. */
  constructor(options: PropagatorOptions) {
    this.#options = options;
    const { records, links, timers, clock, log } = options;
    this.#source = new BlobSource({ records, timers, clock });
    this.#pulls = new BlobPulls({ clock, log, signal: this.#stopped.signal });
    this.#jobs = new HoldJobs({
      timers,
      clock,
      authorOf: ({ manifest }) => manifest.author,
      isUrgent: (record) => records.isHighest(record),
      isOpen: ({ id }) => records.stateOf(id) === "announced",
      run: (job) => this.#hold(job),
      onFailure: ({ record }, { cause, tries, lasting }) => {
        // A young link or a busy node causes the first failures; only later ones are logged for an operator.
        const level = tries === (lasting ? 1 : warnAfter) ? "warn" : "debug";
        log[level]("a deploy cannot be held yet", { app: record.manifest.app, id: record.id, tries, cause });
      },
    });
    links.handle("blob", (body, from) => this.#source.answer(body, { peer: from.peer.nodeId, signal: from.signal }));
    links.handle("hold", (body, from) => this.#held(body, from));
  }

  /** Whether a manifest is being pulled or prepared. */
  get busy(): boolean {
    return this.#jobs.busy;
  }

  /** Takes all announced manifests, and each that is announced from now on. */
  start(): void {
    if (this.#unwatch.length > 0) return;
    const { records, links } = this.#options;
    this.#unwatch = [
      records.watch((record) => this.#jobs.add(record)),
      links.watch({ opened: () => this.#jobs.retryAll() }),
    ];
    for (const record of records.announced()) this.#jobs.add(record);
  }

  /** Ends pulls and retries. */
  stop(): void {
    this.#stopped.abort();
    for (const unwatch of this.#unwatch.splice(0)) unwatch();
    this.#jobs.stop();
  }

  /** Handles the request of a node that deployed a change and waits for others to hold it. */
  async #held(body: unknown, from: From): Promise<{ readonly held: true }> {
    const text = (body as Partial<HoldRequest> | null | undefined)?.text;
    if (typeof text !== "string" || text.length > signedLimitBytes) {
      throw new HerdError("request.malformed", "not a request to hold a manifest");
    }
    const { records } = this.#options;
    const { id, verdict } = await records.take(text);
    if (verdict === "waiting") {
      throw new HerdError("node.unavailable", "the signer of the manifest is not known here yet", {
        retryAfterSeconds: 1,
      });
    }
    if (records.stateOf(id) === "announced")
      await this.#jobs.ended(id, { holder: from.peer.nodeId, signal: from.signal });
    return { held: true };
  }

  async #hold({ record, holders }: HoldJob): Promise<void> {
    const { records, activation, log } = this.#options;
    const { manifest } = record;
    const { app, author } = manifest;
    // Before the pull: bytes that cannot run here need not come again.
    if (manifest.op !== "remove") activation.checkRefused(manifest.component);
    const links = this.#linksFor(record, holders);
    const missing = records.missing(record);
    // All pulls end before the job does: a pull that continued alone would count in no author's share.
    const pulls = await Promise.allSettled(missing.map((blob) => this.#pulls.pull({ ...blob, author }, links)));
    const blobs = new Map<string, Buffer>();
    for (const [index, pull] of pulls.entries()) {
      if (pull.status === "rejected") throw pull.reason;
      blobs.set(missing[index]?.digest ?? "", pull.value);
    }
    const ready = await this.#checked(record, blobs);
    const affected = await activation.lock.run(app, () => records.hold(record.id, blobs));
    // Other apps first: where two components share a revision name, the old owner releases the name before the new one
    // takes it.
    for (const name of [...affected].sort((left, right) => Number(left === app) - Number(right === app))) {
      await activation.lock
        .run(name, () => activation.settle(name, ready))
        .catch((cause: unknown) => {
          log.error(`the app ${name} cannot run`, { cause });
        });
    }
    log.debug("a manifest is held", { app, op: manifest.op, version: manifest.version });
  }

  /** The manifest's component, checked; prepared when it becomes the current revision. */
  async #checked(record: ManifestRecord, blobs: ReadonlyMap<string, Buffer>): Promise<PreparedComponent | undefined> {
    const { records, activation } = this.#options;
    const { manifest } = record;
    if (manifest.op === "remove") return undefined;
    const component = blobs.get(manifest.component) ?? (await records.blob(manifest.component));
    if (component === undefined) throw new HerdError("internal", "the component was dropped meanwhile");
    const source = blobs.get(manifest.source);
    if (source !== undefined) await activation.checkSource(source);
    const ready = records.leads(record) ? await activation.prepare(component, manifest.revision) : undefined;
    const { functions } = ready?.prepared.interface ?? (await activation.inspect(component));
    const names = new Set(functions.map(({ name }) => name));
    if (names.size !== manifest.functions.length || !manifest.functions.every((name) => names.has(name))) {
      throw new HerdError("auth.invalid", "the component has other functions than its manifest says");
    }
    return ready;
  }

  /**
   * Peers to pull from: the author and the peer that reported to have the bytes first (any peer may report that), then
   * all others in random order.
   */
  #linksFor({ manifest }: ManifestRecord, holders: ReadonlySet<string>): Link[] {
    const { links, random } = this.#options;
    const first = [manifest.author, ...holders].flatMap((id) => links.get(id) ?? []);
    const rest = links.all().map((link) => ({ link, turn: random() }));
    rest.sort((left, right) => left.turn - right.turn);
    return [...new Set([...first, ...rest.map(({ link }) => link)])];
  }
}
