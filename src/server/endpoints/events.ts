// GET /v1/events: what happens in the mesh, as server-sent events (HTML standard, section 9.2).

import type { Clock } from "../../core/clock.js";
import type { OpenStreams } from "../connections/open-streams.js";
import type { Endpoint } from "../http/endpoint.js";
import type { MeshEvent, MeshEvents } from "../views/mesh-events.js";

/** A comment is no event. */
const heartbeat = ":\n\n";

/** How often figures are told to who wants them. */
const figuresMs = 1_000;

/** What the endpoint tells: events as they happen, and with `?figures=true` an event `figures` each second. */
export interface EventsOptions {
  readonly events: MeshEvents;
  readonly figures: () => Record<string, unknown>;
  readonly clock: Clock;
  readonly streams: OpenStreams;
}

/** The endpoint of events. Its first line comes when it listens. */
export function eventsEndpoint({ events, figures, clock, streams }: EventsOptions): Endpoint {
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
      const wanted = exchange.flag("figures") === true;
      const stream = streams.open(exchange, { type: "text/event-stream", heartbeat });
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
