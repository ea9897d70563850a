// The certificates that this master signed for each node: a revocation list is made of them.

import * as z from "zod";
import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import { tryParseJson } from "../../core/json.js";
import { SerialQueue } from "../../core/serial-queue.js";
import { keepIn, type StateFiles } from "../../storage/state-files.js";
import * as field from "../registry/record-fields.js";
import type { IssuedCertificate } from "./enrollment-issue.js";

const bucketShape = z.record(
  field.nodeId,
  z.array(z.object({ serial: z.string().regex(/^[0-9a-f]{2,40}$/), notAfter: z.number() })),
);

/**
 * Certificates by node, each kept until it has expired. Nodes share 256 files by their ids, so that each change is a
 * small write.
 */
export class IssuedLedger {
  readonly #files: StateFiles;
  readonly #clock: Clock;
  readonly #changes = new SerialQueue();
  readonly #buckets = new Map<string, Map<string, readonly IssuedCertificate[]>>();

  constructor(options: { files: StateFiles; clock: Clock }) {
    this.#files = options.files;
    this.#clock = options.clock;
  }

  /** Reads the ledger. Throws `internal` naming a file that is damaged. */
  async open(): Promise<void> {
    for (const name of await this.#files.list()) {
      const bucket = /^issued-([0-9a-f]{2})$/.exec(name)?.[1];
      const content = bucket === undefined ? undefined : await this.#files.read(name);
      if (bucket === undefined || content === undefined) continue;
      const parsed = bucketShape.safeParse(tryParseJson(content));
      if (!parsed.success) throw new HerdError("internal", `${this.#files.describe(name)} is damaged`);
      this.#buckets.set(bucket, new Map(Object.entries(parsed.data)));
    }
  }

  /** Writes down what was signed, before it leaves this node; in memory while the disk takes nothing. */
  async record(nodeId: string, certificates: readonly IssuedCertificate[]): Promise<void> {
    await this.#changes.run(async () => {
      const name = nodeId.slice(0, 2);
      const bucket = new Map<string, readonly IssuedCertificate[]>();
      for (const [node, issued] of this.#buckets.get(name) ?? []) {
        const alive = this.#alive(issued);
        if (alive.length > 0) bucket.set(node, alive);
      }
      bucket.set(nodeId, [...(bucket.get(nodeId) ?? []), ...certificates]);
      await keepIn(this.#files, { name: `issued-${name}`, content: JSON.stringify(Object.fromEntries(bucket)) });
      this.#buckets.set(name, bucket);
    });
  }

  /** A node's certificates that have not expired. */
  of(nodeId: string): IssuedCertificate[] {
    return this.#alive(this.#buckets.get(nodeId.slice(0, 2))?.get(nodeId) ?? []);
  }

  /** Nodes that hold certificates of this master. */
  nodes(): string[] {
    return [...this.#buckets.values()].flatMap((bucket) => [...bucket.keys()]);
  }

  #alive(issued: readonly IssuedCertificate[]): IssuedCertificate[] {
    const now = this.#clock.now();
    return issued.filter(({ notAfter }) => notAfter > now);
  }
}
