// Updates that this node still has to gossip, after memberlist's TransmitLimitedQueue: each is sent a bounded number of
// times.

/** How often a node sends each update in a mesh of `nodes`, so that all receive it with high probability. */
export function retransmitLimit(nodes: number, retransmitMult: number): number {
  return retransmitMult * Math.ceil(Math.log10(nodes + 1));
}

interface Queued<Message> {
  readonly message: Message;
  readonly by: string;
  transmits: number;
}

/** Updates by the member that each is about. */
export class BroadcastQueue<Message> {
  readonly #subjects = new Map<string, Queued<Message>[]>();

  /** True when there is nothing to send. */
  get empty(): boolean {
    return this.#subjects.size === 0;
  }

  /**
   * Queues an update about a subject in place of all that was queued about the subject. An update `by` an accuser
   * replaces only the queued one of the same accuser, since each accuser counts as a confirmation.
   */
  add(subject: string, message: Message, { by }: { readonly by?: string | undefined } = {}): void {
    const others = by === undefined ? [] : (this.#subjects.get(subject) ?? []).filter((queued) => queued.by !== by);
    // Deleted first, so that the map's order is the order of arrival.
    this.#subjects.delete(subject);
    this.#subjects.set(subject, [...others, { message, by: by ?? "", transmits: 0 }]);
  }

  /**
   * Up to `count` updates: those sent least often first, the newest first among them. Drops an update after `limit`
   * times.
   */
  take(count: number, limit: number): Message[] {
    if (this.empty) return [];
    const taken = [...this.#subjects]
      .flatMap(([subject, queued]) => queued.map((one) => ({ subject, one })))
      .reverse()
      .sort((a, b) => a.one.transmits - b.one.transmits)
      .slice(0, count);
    for (const { subject, one } of taken) {
      one.transmits += 1;
      if (one.transmits >= limit) this.#drop(subject, one);
    }
    return taken.map(({ one }) => one.message);
  }

  #drop(subject: string, queued: Queued<Message>): void {
    const left = (this.#subjects.get(subject) ?? []).filter((other) => other !== queued);
    if (left.length > 0) this.#subjects.set(subject, left);
    else this.#subjects.delete(subject);
  }
}
