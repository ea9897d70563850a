// Recording what a node did: signed by it at once, and in a master's log as soon as one takes it.

import { Backoff } from "../../core/backoff.js";
import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import { decodeSigned, encodeSigned, type Signer } from "../../core/signed.js";
import type { Timers } from "../../core/timers.js";
import { keepIn, type StateFiles } from "../../storage/state-files.js";
import { type AuditEvent, auditPayloadText, parseAudit } from "../registry/audit-record.js";

const fileName = "outbox";
const outboxLimit = 1_000;
const retryMs = { firstMs: 500, lastMs: 30_000 };

/**
 * What an auditor works with. `deliver` puts a record into a log: a master's own, or over a link that of a live one.
 */
interface AuditorOptions {
  readonly meshId: string;
  readonly signer: Signer;
  readonly files: StateFiles;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  readonly deliver: (text: string) => Promise<void>;
}

/** Signs records and delivers them in order. Those that no master took yet are kept over restarts, 1,000 at most. */
export class Auditor {
  readonly #options: AuditorOptions;
  #outbox: string[] = [];
  #saving: Promise<void> = Promise.resolve();
  #delivering: Promise<void> | undefined;
  /** Hears of the first try of a record. */
  readonly #tried = new Map<string, () => void>();
  #running = false;
  #wake: (() => void) | undefined;

  constructor(options: AuditorOptions) {
    this.#options = options;
  }

  /** Reads what is still to be delivered. */
  async open(): Promise<void> {
    const content = await this.#options.files.read(fileName);
    const texts = content === undefined ? "" : content.toString("utf8");
    this.#outbox = texts === "" ? [] : texts.split("\n").slice(-outboxLimit);
  }

  /** Records that no master took yet. */
  get waiting(): number {
    return this.#outbox.length;
  }

  /** From now on delivers. */
  start(): void {
    this.#running = true;
    this.#kick();
  }

  /** Ends after the delivery under way; what is left stays for the next start. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#wake?.();
    await this.#delivering;
    await this.#saving;
  }

  /**
   * Records an event: signed and durable when it resolves, and tried once, so that a master finds in its log what it
   * just did. What was done is done: a failure is logged, and it never rejects.
   */
  async record(event: AuditEvent): Promise<void> {
    const { meshId, signer, clock, log } = this.#options;
    const text = encodeSigned(signer.sign(auditPayloadText(event, { meshId, at: clock.now() })));
    if (this.#outbox.length >= outboxLimit) {
      log.error(`no master takes audit records: of ${outboxLimit}, the oldest of whoever did the most is dropped`, {
        repeat: "",
      });
      this.#outbox.splice(indexToDrop(this.#outbox), 1);
    }
    this.#outbox.push(text);
    await this.#save();
    // FrontDependencies others that no master takes, it would wait for long.
    if (!this.#running || this.#outbox[0] !== text) return;
    const tried = new Promise<void>((resolve) => {
      this.#tried.set(text, resolve);
    });
    this.#kick();
    await tried;
  }

  /** Resolves once nothing is being delivered, because all is or because no master takes it now. */
  async settled(): Promise<void> {
    await this.#delivering;
  }

  /** Tries again at once, as when a master was linked. */
  retry(): void {
    this.#wake?.();
  }

  #kick(): void {
    if (!this.#running || this.#outbox.length === 0) return;
    this.#delivering ??= this.#deliverAll().finally(() => {
      this.#delivering = undefined;
      this.#kick();
    });
  }

  async #deliverAll(): Promise<void> {
    const backoff = new Backoff(retryMs);
    for (let text = this.#outbox[0]; text !== undefined && this.#running; text = this.#outbox[0]) {
      if (await this.#deliver(text)) {
        if (this.#outbox[0] === text) this.#outbox.shift();
        backoff.reset();
        if (this.#outbox.length === 0) await this.#save();
        continue;
      }
      await this.#pause(backoff.next());
    }
    await this.#save();
    for (const resolve of this.#tried.values()) resolve();
    this.#tried.clear();
  }

  /** Whether a record is out of the way: taken, or refused for good. */
  async #deliver(text: string): Promise<boolean> {
    const { deliver, log } = this.#options;
    try {
      await deliver(text);
      return true;
    } catch (cause) {
      if (cause instanceof HerdError && cause.fault === "caller") {
        log.error("an audit record was refused", { cause, repeat: cause.message });
        return true;
      }
      log.debug("no master took an audit record yet", { cause });
      return false;
    } finally {
      this.#tried.get(text)?.();
      this.#tried.delete(text);
    }
  }

  async #pause(ms: number): Promise<void> {
    if (!this.#running) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.timers.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
    this.#wake = undefined;
  }

  #save(): Promise<void> {
    const { files, log } = this.#options;
    this.#saving = this.#saving
      .then(async () => void (await keepIn(files, { name: fileName, content: this.#outbox.join("\n") })))
      .catch((cause: unknown) => log.error("audit records that wait for a master could not be stored", { cause }));
    return this.#saving;
  }
}

/** The oldest record of the actor with the most: no actor may push out the records of others by doing much. */
function indexToDrop(texts: readonly string[]): number {
  const actors = texts.map((text) => {
    const signed = decodeSigned(text);
    return signed && parseAudit(signed)?.by;
  });
  const counts = new Map<string | undefined, number>();
  for (const actor of actors) counts.set(actor, (counts.get(actor) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return actors.findIndex((actor) => counts.get(actor) === most);
}
