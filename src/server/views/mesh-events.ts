// Publishes the events of the mesh to their listeners: joins, states of nodes, deploys, revocations.

import type { SentEvent } from "../../api/events.js";
import type { PendingJoin } from "../../api/joins.js";
import type { Clock } from "../../core/clock.js";
import type { Member, Members } from "../../mesh/ports.js";
import type { AuditEvent } from "../../pki/registry/audit-record.js";
import type { NodeRegistry } from "../ports.js";
import { nameOf } from "./mesh-names.js";

type WithEpochMs<Event> = Event extends unknown ? Omit<Event, "at"> & { readonly at: number } : never;

/** An event of the contract as this node publishes it: `at` is epoch ms. */
export type MeshEvent = WithEpochMs<SentEvent>;

/** Hands events to their listeners and keeps none. */
export class MeshEvents {
  readonly #listeners = new Set<(event: MeshEvent) => void>();

  /** The number of listeners. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /** Calls every listener with an event. */
  publish(event: MeshEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Calls `listener` with each event until the returned function is called. A listener must not throw. */
  subscribe(listener: (event: MeshEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}

/** Sources of {@link publishNodes}. */
export interface NodeSources {
  readonly members: Pick<Members, "watch">;
  readonly registry: Pick<NodeRegistry, "node"> & { onRevoked(listener: (node: string) => void): () => void };
  readonly events: MeshEvents;
  readonly clock: Clock;
}

/** Publishes `node.state` and `node.revoked`, by name, until the returned function is called. */
export function publishNodes({ members, registry, events, clock }: NodeSources): () => void {
  const ends = [
    members.watch((member: Member, before: Member | undefined) => {
      if (member.state === before?.state) return;
      const { id, state } = member;
      events.publish({ type: "node.state", at: clock.now(), node: nameOf(id, registry), id, state });
    }),
    registry.onRevoked((id) => {
      events.publish({ type: "node.revoked", at: clock.now(), node: nameOf(id, registry), id });
    }),
  ];
  return () => {
    for (const end of ends) end();
  };
}

/** Sources of {@link publishJoins}; `audit` writes the audit record of a decision. */
export interface JoinSources extends Pick<NodeSources, "events" | "clock"> {
  readonly registry: Pick<NodeRegistry, "node">;
  readonly audit: (event: AuditEvent) => Promise<void>;
}

/** Hooks of a `RegistrationAuthority` that publish `join.pending`, `join.approved` and `join.refused` at its master. */
export function publishJoins({ registry, events, clock, audit }: JoinSources): {
  readonly onPending: (join: PendingJoin) => void;
  readonly audit: (event: AuditEvent) => Promise<void>;
} {
  return {
    onPending: ({ id: request, name: node, code, address }) => {
      events.publish({ type: "join.pending", at: clock.now(), request, node, code, address });
    },
    audit: async (event) => {
      await audit(event);
      const { event: type, subject: id, by, detail } = event;
      if (type !== "join.approved" && type !== "join.refused") return;
      events.publish({ type, at: clock.now(), node: nameOf(id, registry), id, by, detail });
    },
  };
}
