// GET /v1/events: the events of the mesh, as server-sent events (HTML standard, section 9.2).

import { followEvents } from "../../api/events.js";
import type { Clock } from "../../core/clock.js";
import { type Endpoint, endpoint, ok } from "../http/endpoint.js";
import type { OpenStreams } from "../http/open-streams.js";
import type { LiveStats } from "../views/live-stats.js";
import type { MeshEvent, MeshEvents } from "../views/mesh-events.js";

/** A comment line, which clients skip. */
const heartbeat = ":\n\n";

/** The period between two events `figures`. */
const statsMs = 1_000;

/**
 * Dependencies of the endpoint, which sends events as they happen, and with `?figures=true` an event `figures` a
 * second.
 */
export interface EventsOptions {
  readonly events: MeshEvents;
  readonly stats: () => LiveStats;
  readonly clock: Clock;
  readonly streams: OpenStreams;
}

/** The endpoint of events. The first line is sent once the stream receives events. */
export function eventsEndpoint({ events, stats, clock, streams }: EventsOptions): Endpoint {
  const ticker = new StatsTicker(() => eventText({ type: "figures", at: clock.now(), ...stats() }));
  return endpoint(followEvents, {
    handle({ query, by }) {
      const ends: (() => void)[] = [];
      return ok(
        streams.open(by, {
          type: "text/event-stream",
          heartbeat,
          start: (write) => {
            ends.push(events.subscribe((event) => write(eventText(event))));
            write(": listening\n\n");
            if (query.figures === true) ends.push(ticker.add(write));
          },
          closed: () => {
            for (const end of ends) end();
          },
        }),
      );
    },
  });
}

/** Reads the stats once a second for all streams together; not at all while no stream has `figures`. */
class StatsTicker {
  readonly #text: () => string;
  readonly #writers = new Set<(text: string) => void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(text: () => string) {
    this.#text = text;
  }

  /** Writes the stats at once and each second from now on, until the returned function is called. */
  add(write: (text: string) => void): () => void {
    write(this.#text());
    this.#writers.add(write);
    this.#timer ??= setInterval(() => this.#tick(), statsMs).unref();
    return () => {
      this.#writers.delete(write);
      if (this.#writers.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  #tick(): void {
    const text = this.#text();
    for (const write of this.#writers) write(text);
  }
}

/** JSON has no line ends of its own, so that an event's data is one line. */
function eventText({ type, at, ...data }: MeshEvent): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, at: new Date(at).toISOString(), ...data })}\n\n`;
}
