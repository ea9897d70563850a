// GET /v1/mesh, /v1/mesh/why/{invocation}, /v1/masters, /crl.pem, /v1/audit: the mesh as this node sees it.

import { type AuditRecord, audit as auditRoute } from "../../api/audit.js";
import * as api from "../../api/mesh.js";
import { HerdError } from "../../core/errors.js";
import { rounded } from "../../core/rounded.js";
import type { NodeStats } from "../../invoke/peers/stats.js";
import type { DecisionView } from "../../invoke/routing/decisions.js";
import type { Expected } from "../../invoke/routing/step.js";
import type { ListedRecord } from "../../pki/audit/list.js";
import type { CallStats } from "../call/call-stats.js";
import { type Endpoint, endpoint, ok } from "../http/endpoint.js";
import { Content } from "../http/http-answer.js";
import type { Mesh } from "../ports.js";
import { AuditCheck } from "../views/audit-check.js";
import { nameOf } from "../views/mesh-names.js";

/** Dependencies of the endpoints. `calls` counts the forwarded calls. */
export interface MeshEndpointsOptions {
  readonly mesh: Mesh;
  readonly node: { readonly name: string };
  readonly rootCertificatePem: string;
  readonly calls: Pick<CallStats, "forwardedTo">;
}

/** The mesh's state, masters, revocation list and audit log. */
export function meshEndpoints(options: MeshEndpointsOptions): Endpoint[] {
  const { mesh, node } = options;
  const { audit } = mesh;
  const check = new AuditCheck(options.rootCertificatePem);
  return [
    endpoint(api.showMesh, { handle: () => ok(meshBody(options)) }),
    endpoint(api.whyCall, {
      handle({ parameters }) {
        const choice = mesh.choiceOf(parameters.invocation);
        if (choice !== undefined) return ok(choiceView(choice, { mesh, node: node.name }));
        const detail =
          `${node.name} did not choose where this call runs: ` +
          "it came in elsewhere, long ago, or without a peer that could take it";
        throw new HerdError("call.unknown", detail);
      },
    }),
    endpoint(api.listMasters, { handle: () => ok(mesh.masters()) }),
    endpoint(api.revocationLists, { handle: () => ok(new Content("application/x-pem-file", mesh.crl())) }),
    endpoint(auditRoute, {
      // The asked node itself answers heads: the heads that it saw are a witness against a master that shows two logs.
      where: ({ query }) => (query.heads === true ? "here" : "master"),
      async handle({ query: { heads, verify, proof, limit, event } }) {
        if (heads === true) return ok(audit.heads());
        if (verify === true) return ok(await check.verify(() => audit.bundle()));
        if (proof === true) return ok(await audit.bundle());
        const records = await audit.list({ limit, event });
        return ok(records.map((record) => auditView(record, mesh)));
      },
    }),
  ];
}

/** The body of `GET /v1/mesh`. */
export function meshBody(options: Omit<MeshEndpointsOptions, "rootCertificatePem">): api.Mesh {
  const { mesh, node } = options;
  const nodes = mesh.registry.nodes();
  return {
    node: node.name,
    here: statsView(mesh.here()),
    peers: peersOf(options),
    masters: nodes.filter(({ master, revoked }) => master && !revoked).map(({ name }) => name),
    revoked: nodes.filter(({ revoked }) => revoked).map(({ name }) => name),
  };
}

/** Peers that are not revoked, by name. A value is null before a report of the peer came. */
function peersOf({ mesh, calls }: Pick<MeshEndpointsOptions, "mesh" | "calls">): api.MeshPeer[] {
  return mesh.members
    .all()
    .flatMap(({ id, state }) => {
      const entry = mesh.registry.node(id);
      if (entry === undefined || entry.revoked) return [];
      const stats = mesh.statsOf(id);
      const rttMs = round(mesh.links.get(id)?.rttMs);
      const errorRate = round(stats?.errorRate);
      const ejected = stats?.ejected ?? false;
      const forwarded = calls.forwardedTo(entry.name);
      return [{ name: entry.name, state, rttMs, ...statsView(stats), errorRate, ejected, forwarded }];
    })
    .sort((left, right) => left.name.localeCompare(right.name, "en"));
}

function statsView(stats: NodeStats | undefined): api.MeshNode {
  const { slots = null, running = null, queued = null, owner = null, loopDelayMs } = stats ?? {};
  return {
    slots,
    running,
    queued,
    capacity: round(stats?.capacity?.overall),
    weight: rounded(stats?.weight ?? 0),
    owner,
    loopDelayMs: round(loopDelayMs),
    pace: round(stats?.pace),
  };
}

/** The steps of a choice, with names of nodes; a value that was not known at the time is null. */
function choiceView(choice: DecisionView, { mesh, node }: { mesh: Mesh; node: string }): api.Choice {
  const named = (id: string): string => nameOf(id, mesh.registry);
  return {
    ...choice,
    at: new Date(choice.at).toISOString(),
    node,
    steps: choice.steps.map(({ way, here, peer, taken = null, refusal = null, units, sample }) => ({
      way,
      here: { ...sideView(here), available: here.available },
      peer:
        peer === undefined
          ? null
          : {
              name: named(peer.nodeId),
              ...sideView(peer),
              inFlight: peer.inFlight,
              rttMs: round(peer.rttMs),
              taken,
              refusal,
            },
      units: round(units),
      sampled: sample !== undefined,
      candidates:
        sample?.candidates.map(({ nodeId, weight, rate, expectedMs, whyNot, lightUnits }) => ({
          name: named(nodeId),
          weight: round(weight * 1_000),
          rate: round(rate),
          expectedMs: round(expectedMs),
          whyNot,
          lightUnits: round(lightUnits),
        })) ?? [],
      draws: sample?.draws.map(named) ?? [],
    })),
  };
}

function sideView({ slots, running, queued, serviceMs, expectedMs, lightUnits }: Expected) {
  const times = { serviceMs: round(serviceMs), expectedMs: round(expectedMs) };
  return { slots, running, queued, ...times, lightUnits: round(lightUnits) };
}

/** The value, rounded; null for one that is not known. */
function round(value: number | null | undefined): number | null {
  return value === null || value === undefined ? null : rounded(value);
}

function auditView(record: ListedRecord, { registry }: Mesh): AuditRecord {
  const { at, event, by, subject, detail, node, master, seq } = record;
  return {
    at: new Date(at).toISOString(),
    event,
    subject,
    by,
    node: nameOf(node, registry),
    master: nameOf(master, registry),
    seq,
    detail,
  };
}
