// How far each master's audit log went, as that master signed it: what every node keeps, so that no log can be
// rewritten in silence.

import * as z from "zod";
import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import { tryParseJson } from "../../core/json.js";
import type { Logger } from "../../core/log.js";
import { SerialQueue } from "../../core/serial-queue.js";
import { decodeSigned, encodeSigned, type Signed, signedLimitBytes } from "../../core/signed.js";
import { keepIn, type StateFiles } from "../../storage/state-files.js";
import { type HeldRecord, KeyedRecords } from "../registry/keyed-records.js";
import { type Payload, parsePayload, verifySigned } from "../registry/records.js";
import type { Registry } from "../registry/registry.js";
import { checkTime, nodeLimit } from "../registry/rules.js";

const fileName = "witnessed-heads";
const witnessLimit = 64;
const conflictLimit = 64;
const text = z.string().max(signedLimitBytes);
const fileSchema = z.object({
  witnessed: z.record(z.string(), z.array(text)),
  conflicts: z.array(z.tuple([text, text])),
});

/** Two heads of one master that cannot both be true, as texts. */
type HeadConflict = readonly [string, string];

/** What the heads are kept with. */
interface AuditHeadsOptions {
  readonly meshId: string;
  readonly files: StateFiles;
  readonly clock: Clock;
  readonly registry: Pick<Registry, "isRevoked" | "verifyMaster" | "node">;
  readonly log: Logger;
  /** Hears of each newer head. */
  readonly advanced?: (master: string) => void;
}

/**
 * A `RecordStore` of kind `head`: the newest of each master. Beside it, this node keeps some of the earlier heads that
 * it saw, the older the sparser, and every pair that contradicts itself.
 */
export class AuditHeads {
  readonly store: KeyedRecords<"head">;
  readonly #options: AuditHeadsOptions;
  readonly #witnessed = new Map<string, string[]>();
  readonly #saving = new SerialQueue();
  #conflicts: HeadConflict[] = [];
  #opened = false;

  constructor(options: AuditHeadsOptions) {
    this.#options = options;
    const { meshId, registry } = options;
    this.store = new KeyedRecords<"head">(
      {
        kind: "head",
        meshId,
        keyOf: ({ master }) => master,
        prefers: (a, b) => a.seq > b.seq || (a.seq === b.seq && a.at < b.at),
        judge: (signed, payload) => this.#judge(signed, payload),
        counts: (signer) => !registry.isRevoked(signer),
        compare: (record, current) => this.#compare(record, current),
        changed: (record) => this.#changed(record),
        limit: nodeLimit,
      },
      options,
    );
  }

  /** Reads what was kept. Throws `internal` naming a file that is damaged. */
  async open(): Promise<void> {
    const { files } = this.#options;
    const content = await files.read(fileName);
    if (content !== undefined) {
      const parsed = fileSchema.safeParse(tryParseJson(content));
      if (!parsed.success) throw new HerdError("internal", `${files.describe(fileName)} is damaged`);
      for (const [master, texts] of Object.entries(parsed.data.witnessed)) this.#witnessed.set(master, texts);
      this.#conflicts = parsed.data.conflicts;
    }
    await this.store.open();
    this.#opened = true;
  }

  /** The newest head of a master. */
  newest(master: string): Payload<"head"> | undefined {
    return this.store.at(master)?.payload;
  }

  /** Texts of every head that this node can show. */
  texts(): string[] {
    const newest = [...this.store.values()].map(({ signed }) => encodeSigned(signed));
    return [...new Set([...newest, ...[...this.#witnessed.values()].flat(), ...this.#conflicts.flat()])];
  }

  /**
   * Whether a text is a head that its master signed, or another one once that master was revoked: all else proves
   * nothing.
   */
  proves(text: string): boolean {
    const { registry, meshId } = this.#options;
    const signed = decodeSigned(text);
    const head = signed && parsePayload("head", signed.payload);
    const signer = signed && registry.node(signed.signer);
    if (signed === undefined || head?.mesh !== meshId || signer?.master !== true) return false;
    return (signer.id === head.master || registry.isRevoked(head.master)) && verifySigned(signed, signer.key);
  }

  /** Pairs of heads that contradict each other. */
  get conflicts(): readonly HeadConflict[] {
    return this.#conflicts;
  }

  /** Heads whose signer was revoked: another master signs them again. */
  orphans(): { readonly kind: string; readonly payload: string }[] {
    return [...this.store.values()]
      .filter(({ signed }) => this.#options.registry.isRevoked(signed.signer))
      .map(({ signed: { payload } }) => ({ kind: "head", payload }));
  }

  /** Resolves once all that was seen is stored. */
  async settled(): Promise<void> {
    await this.#saving.idle();
  }

  #judge(signed: Signed, payload: Payload<"head">): "good" | "unknown" {
    const { registry, clock } = this.#options;
    checkTime(payload, clock);
    if (signed.signer !== payload.master && !registry.isRevoked(payload.master)) {
      throw new HerdError("auth.invalid", "the head of an audit log is for its master to sign");
    }
    return registry.verifyMaster(signed) === "unknown" ? "unknown" : "good";
  }

  #compare(record: HeldRecord<"head">, current: HeldRecord<"head">): void {
    const [a, b] = [record.payload, current.payload];
    const forks = a.seq === b.seq && a.hash !== b.hash;
    // A master dates its heads in their order, so a later one that goes less far has lost entries.
    const shrinks = (a.seq - b.seq) * (a.at - b.at) < 0;
    if (!forks && !shrinks) return;
    const pair = [encodeSigned(record.signed), encodeSigned(current.signed)].sort() as unknown as HeadConflict;
    const known = this.#conflicts.some(([first, second]) => first === pair[0] && second === pair[1]);
    if (known || this.#conflicts.length >= conflictLimit) return;
    this.#conflicts = [...this.#conflicts, pair];
    this.#options.log.error(`the audit log of master ${a.master} has two histories: run herd audit verify`, {
      first: `${a.seq} ${a.hash}`,
      second: `${b.seq} ${b.hash}`,
    });
    this.#save();
  }

  #changed({ signed, payload: { master } }: HeldRecord<"head">): void {
    if (!this.#opened) return;
    const heads = this.#witnessed.get(master) ?? [];
    const head = encodeSigned(signed);
    if (!heads.includes(head)) {
      heads.push(head);
      // Every second one of the older half goes.
      const thin = heads.length > witnessLimit;
      const kept = thin ? heads.filter((_, index) => index >= witnessLimit / 2 || index % 2 === 0) : heads;
      this.#witnessed.set(master, kept);
      this.#save();
    }
    this.#options.advanced?.(master);
  }

  #save(): void {
    // A later save holds all of an earlier one.
    if (this.#saving.pending > 1) return;
    this.#saving
      .run(async () => {
        const content = { witnessed: Object.fromEntries(this.#witnessed), conflicts: this.#conflicts };
        await keepIn(this.#options.files, { name: fileName, content: JSON.stringify(content) });
      })
      .catch((cause: unknown) => this.#options.log.error("heads of audit logs could not be stored", { cause }));
  }
}
