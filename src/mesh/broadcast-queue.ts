// News that this node still has to spread, after memberlist's TransmitLimitedQueue: each is told a bounded number of times.

/** How often each message is told in a mesh of `nodes`, so that all hear it with high probability. */
export function retransmitLimit(nodes: number, retransmitMult: number): number {
  return retransmitMult * Math.ceil(Math.log10(nodes + 1));
}

interface Queued<Message> {
  readonly message: Message;
  readonly subject: string;
  transmits: number;
}

/** Messages by subject: what is newer about a subject takes the place of what was older. */
export class BroadcastQueue<Message> {
  readonly #queued = new Map<string, Queued<Message>>();

  get size(): number {
    return this.#queued.size;
  }

  /** Queues news about a subject. */
  add(subject: string, message: Message): void {
    // Deleted first, so that the map's order is the order of news.
    this.#queued.delete(subject);
    this.#queued.set(subject, { message, subject, transmits: 0 });
  }

  delete(subject: string): void {
    this.#queued.delete(subject);
  }

  /** Up to `count` messages, those told least first, then the newest. One that was told `limit` times leaves. */
  take(count: number, limit: number): Message[] {
    if (this.#queued.size === 0) return [];
    const order = [...this.#queued.values()].reverse().sort((a, b) => a.transmits - b.transmits);
    const taken = order.slice(0, count);
    for (const queued of taken) {
      queued.transmits += 1;
      if (queued.transmits >= limit) this.#queued.delete(queued.subject);
    }
    return taken.map(({ message }) => message);
  }
}
