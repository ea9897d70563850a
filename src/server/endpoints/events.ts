// GET /v1/events: what happens in the mesh, as server-sent events (HTML standard, section 9.2).

import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import type { Endpoint } from "../endpoint.js";
import type { MeshEvent, MeshEvents } from "../mesh-events.js";

/** Clients that listen at once. */
const maxListeners = 64;
/** A comment is no event. */
const heartbeat = ":\n\n";

/** How often figures are told to who wants them. */
const figuresMs = 1_000;

/** What the endpoint tells: events as they happen, and with `?figures=true` an event `figures` each second. */
export interface EventsOptions {
  readonly events: MeshEvents;
  readonly figures: () => Record<string, unknown>;
  readonly clock: Clock;
}

/** The endpoint of events. Its first line comes when it listens. */
export function eventsEndpoint({ events, figures, clock }: EventsOptions): Endpoint {
  /** Who wants figures: they are read once a second, however many that are. */
  const wanting = new Set<(text: string) => void>();
  let ticks: NodeJS.Timeout | undefined;
  const figuresText = (): string => eventText({ type: "figures", at: clock.now(), ...figures() });
  const tick = (): void => {
    const text = figuresText();
    for (const tell of wanting) tell(text);
  };
  return {
    method: "GET",
    path: "/v1/events",
    role: "admin",
    handle(exchange) {
      if (events.listeners >= maxListeners) {
        throw new HerdError("node.overloaded", `${maxListeners} clients listen already`, { retryAfterSeconds: 5 });
      }
      const wanted = exchange.flag("figures") === true;
      const stream = exchange.outgoing.stream("text/event-stream", heartbeat);
      const unsubscribe = events.subscribe((event) => stream.write(eventText(event)));
      stream.write(": listening\n\n");
      stream.onClose(unsubscribe);
      if (!wanted) return;
      const tell = (text: string): void => stream.write(text);
      tell(figuresText());
      wanting.add(tell);
      ticks ??= setInterval(tick, figuresMs).unref();
      stream.onClose(() => {
        wanting.delete(tell);
        if (wanting.size > 0) return;
        clearInterval(ticks);
        ticks = undefined;
      });
    },
  };
}

/** JSON has no line ends of its own, so that an event's data is one line. */
function eventText({ type, at, ...data }: MeshEvent): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, at: new Date(at).toISOString(), ...data })}\n\n`;
}
