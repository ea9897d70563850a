// Duplicate processes: two processes with one identity, as after a state folder was copied. A peer to which both
// connect finds them, and makes each prove to the other that it lives.

import type { Channel } from "./channel.js";
import type { Hello } from "./hello.js";

/** The kind of request by which a process proves that it lives and knows of another one with its identity. */
export const livenessKind = "twin";

/** How long a process may take to prove that it lives, ms. The former process of a restarted node never does. */
const proofMs = 3_000;
/** The longest proof, in UTF-16 units. */
const proofLimit = 4_096;

/** Body of a {@link livenessKind} request: names the other process, with the other's proof once there is one. */
export interface LivenessRequest {
  /** The other process' instance. */
  readonly instance: string;
  /**
   * What the other process answered to the same request, which names the receiver's instance; `null` when the other has
   * not been requested yet.
   */
  readonly proof: string | null;
}

/** One process of a node, as it signed: its instance, when it began (epoch ms), and where peers dial it. */
export interface ProcessInstance {
  readonly instance: string;
  readonly started: number;
  readonly address: string;
}

/**
 * Reads a proof: that the node `node` signed it, in a process that knows of the instance `saw`. Returns `undefined` for
 * any other text.
 */
type ReadProof = (
  text: string,
  expected: { readonly node: string; readonly saw: string },
) => ProcessInstance | undefined;

/** What a {@link DuplicateDetector} needs. */
export interface DuplicateDetectorOptions {
  readonly readProof: ReadProof;
  /** Receives each pair of processes that both proved that they live; the first of the pair is kept. */
  readonly found: (node: string, pair: readonly [ProcessInstance, ProcessInstance]) => void;
}

/**
 * Makes two processes of one node that both have a connection here prove that they live. A proof is a signature over
 * the instance of the other process. An instance is random and new with each process, so a proof is not older than the
 * process that it names.
 */
export class DuplicateDetector {
  readonly #options: DuplicateDetectorOptions;

  constructor(options: DuplicateDetectorOptions) {
    this.#options = options;
  }

  /**
   * Whether both processes live; both then have the proof of the other. False too when one of them runs a version that
   * cannot prove it. Never rejects.
   */
  async confirm(present: Channel, newcomer: Channel): Promise<boolean> {
    const one = await this.#prove(present, { instance: newcomer.hello.instance, proof: null });
    if (one === undefined) return false;
    const two = await this.#prove(newcomer, { instance: present.hello.instance, proof: one.text });
    if (two === undefined) return false;
    const notice: LivenessRequest = { instance: newcomer.hello.instance, proof: two.text };
    present.notify(livenessKind, notice);
    const isNewcomerLater = isLater(two.process, one.process);
    const pair: [ProcessInstance, ProcessInstance] = isNewcomerLater
      ? [two.process, one.process]
      : [one.process, two.process];
    this.#options.found(present.peer.nodeId, pair);
    return true;
  }

  async #prove(
    channel: Channel,
    body: LivenessRequest,
  ): Promise<{ text: string; process: ProcessInstance } | undefined> {
    const text = await channel.request(livenessKind, body, { timeoutMs: proofMs }).catch(() => undefined);
    if (typeof text !== "string" || text.length > proofLimit) return undefined;
    const process = this.#options.readProof(text, { node: channel.peer.nodeId, saw: body.instance });
    return process?.instance === channel.hello.instance ? { text, process } : undefined;
  }
}

/**
 * Whether `one` is the process to keep, decided alike at every node: the process that began later; of two that began at
 * the same time, the one with the greater instance.
 */
export function isLater(one: Pick<Hello, "started" | "instance">, other: Pick<Hello, "started" | "instance">): boolean {
  return one.started === other.started ? one.instance > other.instance : one.started > other.started;
}
