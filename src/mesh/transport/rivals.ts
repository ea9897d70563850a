// Two processes with one identity, as after a state folder was copied: found out by a peer that both greet, and proved
// to each of them.

import type { Channel } from "./channel.js";
import type { Hello } from "./hello.js";

/** The ask by which a process proves that it lives and knows of another one with its identity. */
export const twinKind = "twin";

/** How long a process may take to prove that it lives, ms. A restarted node's former process does not. */
const proofMs = 3_000;
const proofLimit = 4_096;

/** Body of the ask {@link twinKind}: the other process, and that one's proof once there is one. */
export interface TwinAsk {
  /** The other process' instance. */
  readonly instance: string;
  /**
   * What the other one answered to the same ask, which names the receiver's instance; `null` when it was not asked yet.
   */
  readonly proof: string | null;
}

/**
 * One of two processes with an identity, as it signed: its instance, when it began (epoch ms), and where peers dial it.
 */
export interface Twin {
  readonly instance: string;
  readonly started: number;
  readonly address: string;
}

/**
 * Reads a proof: that the node `node` signed it, in a process that knows of the instance `saw`. `undefined` for any
 * other text.
 */
export type ReadProof = (text: string, expected: { readonly node: string; readonly saw: string }) => Twin | undefined;

/** What a meeting needs. */
export interface RivalsOptions {
  readonly readProof: ReadProof;
  /** Hears of two processes that both proved that they live; the first is kept. */
  readonly found: (node: string, pair: readonly [Twin, Twin]) => void;
}

/**
 * Makes two processes of one node that both have a connection here prove that they live. The signature over the other's
 * instance, which is random and new with each process, cannot be older than that process.
 */
export class Rivals {
  readonly #options: RivalsOptions;

  constructor(options: RivalsOptions) {
    this.#options = options;
  }

  /** Whether both live, and know it; `false` too when one runs a version that cannot prove it. Never rejects. */
  async meet(present: Channel, newcomer: Channel): Promise<boolean> {
    const one = await this.#prove(present, { instance: newcomer.hello.instance, proof: null });
    if (one === undefined) return false;
    const two = await this.#prove(newcomer, { instance: present.hello.instance, proof: one.text });
    if (two === undefined) return false;
    const told: TwinAsk = { instance: newcomer.hello.instance, proof: two.text };
    present.notify(twinKind, told);
    const pair: [Twin, Twin] = isLater(two.twin, one.twin) ? [two.twin, one.twin] : [one.twin, two.twin];
    this.#options.found(present.peer.nodeId, pair);
    return true;
  }

  async #prove(channel: Channel, body: TwinAsk): Promise<{ text: string; twin: Twin } | undefined> {
    const answer = await channel.request(twinKind, body, { timeoutMs: proofMs }).catch(() => undefined);
    if (typeof answer !== "string" || answer.length > proofLimit) return undefined;
    const twin = this.#options.readProof(answer, { node: channel.peer.nodeId, saw: body.instance });
    return twin?.instance === channel.hello.instance ? { text: answer, twin } : undefined;
  }
}

/**
 * Which of two processes is kept, alike at every node: the one that began later; at the same time, the greater
 * instance.
 */
export function isLater(one: Pick<Hello, "started" | "instance">, other: Pick<Hello, "started" | "instance">): boolean {
  return one.started === other.started ? one.instance > other.instance : one.started > other.started;
}
