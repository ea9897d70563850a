// Revocation lists of all masters, as every node serves them to others; and how a master keeps its own up to date.

import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import { SerialQueue } from "../../core/serial-queue.js";
import { encodeSigned, type Signer } from "../../core/signed.js";
import type { Timers } from "../../core/timers.js";
import type { StateFiles } from "../../storage/state-files.js";
import { KeyedRecords } from "../registry/keyed-records.js";
import { payloadText } from "../registry/records.js";
import type { Registry } from "../registry/registry.js";
import { checkTime, newest, nodeLimit } from "../registry/rules.js";
import type { Issuer } from "../x509/certificate.js";
import { crlLifetimeMs, issueCrl } from "../x509/crl.js";
import type { IssuedLedger } from "./issued-ledger.js";

/** So many entries fit a record with room to spare; an entry takes 48 characters of PEM. */
const entryLimit = 750;

/** A `RecordStore` of kind `crl`: the newest list of each master. */
export class CrlStore {
  readonly store: KeyedRecords<"crl">;

  constructor(options: {
    meshId: string;
    files: StateFiles;
    clock: Clock;
    registry: Pick<Registry, "isRevoked" | "verifyMaster">;
    log?: Logger;
  }) {
    const { meshId, registry, clock } = options;
    this.store = new KeyedRecords<"crl">(
      {
        kind: "crl",
        meshId,
        keyOf: ({ master }) => master,
        prefers: newest,
        counts: (signer) => !registry.isRevoked(signer),
        judge: (signed, payload) => {
          checkTime(payload, clock);
          if (signed.signer !== payload.master) {
            throw new HerdError("auth.invalid", "a revocation list is for its master to sign");
          }
          return registry.verifyMaster(signed) === "unknown" ? "unknown" : "good";
        },
        limit: nodeLimit,
      },
      options,
    );
  }

  /** Reads what was kept. */
  async open(): Promise<void> {
    await this.store.open();
  }

  /** The newest list of each master, in PEM, one after the other: `/crl.pem`. */
  pem(): string {
    return [...this.store.values()].map(({ payload: { pem } }) => `${pem.trimEnd()}\n`).join("");
  }
}

/** What a master makes its list of; `publish` accepts a record here and spreads it (mesh `Replica`). */
interface CrlIssuerOptions {
  readonly meshId: string;
  readonly issuer: Issuer;
  readonly signer: Signer;
  readonly issued: IssuedLedger;
  readonly crls: CrlStore;
  readonly registry: Registry;
  readonly publish: (kind: string, text: string) => Promise<void>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
}

/** Signs this master's list: at the start, after each revocation, and well before the last one ends. */
export class CrlIssuer {
  readonly #options: CrlIssuerOptions;
  readonly #issuing = new SerialQueue();
  #ends: (() => void)[] = [];

  constructor(options: CrlIssuerOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#ends.length > 0) return;
    this.#ends = [this.#options.registry.onRevoked(() => this.#issue())];
    this.#issue();
    this.#plan();
  }

  async stop(): Promise<void> {
    for (const end of this.#ends) end();
    this.#ends = [];
    await this.#issuing.idle();
  }

  #plan(): void {
    const cancel = this.#options.timers.after(crlLifetimeMs / 2, () => {
      this.#issue();
      this.#ends = this.#ends.filter((end) => end !== cancel);
      this.#plan();
    });
    this.#ends.push(cancel);
  }

  #issue(): void {
    // One that waits will see all that this one would.
    if (this.#issuing.pending > 1) return;
    this.#issuing
      .run(() => this.#publish())
      .catch((cause: unknown) => this.#options.log.error("the revocation list could not be published", { cause }));
  }

  async #publish(): Promise<void> {
    const { meshId, issuer, signer, issued, crls, registry, publish, clock, log } = this.#options;
    const self = signer.nodeId;
    if (registry.isRevoked(self)) return;
    const entries = issued.nodes().flatMap((node) => {
      const revocation = registry.revocations.at(node)?.payload;
      if (revocation === undefined) return [];
      return issued.of(node).map(({ serial, notAfter }) => ({ serial, notAfter, at: revocation.at }));
    });
    if (entries.length > entryLimit) {
      log.warn(`the revocation list holds ${entryLimit} of ${entries.length} certificates: those that last longest`);
    }
    const revoked = entries.sort((a, b) => b.notAfter - a.notAfter).slice(0, entryLimit);
    // Lists are numbered by their time, and that never goes back.
    const at = Math.max(clock.now(), (crls.store.at(self)?.payload.at ?? 0) + 1);
    const pem = issueCrl({ issuer, revoked, number: at, clock });
    await publish("crl", encodeSigned(signer.sign(payloadText({ kind: "crl", mesh: meshId, master: self, pem, at }))));
  }
}
