// Simulated time: events in the order of their times, and events of one time in the order of their creation.

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** A binary heap of events, with the time of the current one. */
export class EventQueue {
  readonly #heap: Event[] = [];
  #order = 0;
  #now = 0;

  /** Simulated milliseconds. */
  get now(): number {
    return this.#now;
  }

  /** Runs `run` after `ms`. */
  after(ms: number, run: () => void): void {
    const event = { at: this.#now + ms, order: this.#order++, run };
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up] as Event;
      if (!isSooner(event, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = event;
  }

  /** Runs all events including new ones, or those up to a time. */
  run(untilMs = Number.POSITIVE_INFINITY): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= untilMs; next = this.#heap[0]) {
      this.#pop();
      this.#now = next.at;
      next.run();
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    const { length } = heap;
    if (length === 0) return;
    let at = 0;
    for (let down = 1; down < length; down = 2 * at + 1) {
      const right = heap[down + 1];
      if (right !== undefined && isSooner(right, heap[down] as Event)) down++;
      const child = heap[down] as Event;
      if (!isSooner(child, last)) break;
      heap[at] = child;
      at = down;
    }
    heap[at] = last;
  }
}

function isSooner(one: Event, other: Event): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
