// GET /v1/events: what happens in the mesh, as server-sent events (HTML standard, section 9.2).

import { HerdError } from "../../core/errors.js";
import type { Endpoint } from "../endpoint.js";
import type { MeshEvent, MeshEvents } from "../mesh-events.js";

/** Clients that listen at once. */
const maxListeners = 64;
/** A comment is no event. */
const heartbeat = ":\n\n";

/** The endpoint of events. Its first line comes when it listens. */
export function eventsEndpoint(events: MeshEvents): Endpoint {
  return {
    method: "GET",
    path: "/v1/events",
    role: "admin",
    handle(exchange) {
      if (events.listeners >= maxListeners) {
        throw new HerdError("node.overloaded", `${maxListeners} clients listen already`, { retryAfterSeconds: 5 });
      }
      const stream = exchange.outgoing.stream("text/event-stream", heartbeat);
      const unsubscribe = events.subscribe((event) => stream.write(eventText(event)));
      stream.write(": listening\n\n");
      stream.onClose(unsubscribe);
    },
  };
}

/** JSON has no line ends of its own, so that an event's data is one line. */
function eventText({ type, at, ...data }: MeshEvent): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, at: new Date(at).toISOString(), ...data })}\n\n`;
}
