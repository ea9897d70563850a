// The metrics of links, members and records.

import type { Metrics } from "../core/metrics.js";
import { type Links, type Members, memberStates } from "./ports.js";
import type { RecordReplica } from "./replication/replica.js";
import type { TlsNetwork } from "./transport/tls-network.js";

/** What the metrics read. */
interface MeshMetricSources {
  readonly links: Links;
  readonly members: Pick<Members, "all">;
  readonly replica: Pick<RecordReplica, "counts">;
  readonly network: Pick<TlsNetwork, "handshakesRefused">;
}

/** Registers the metrics of links, members and records. */
export function registerMesh(metrics: Metrics, { links, members, replica, network }: MeshMetricSources): void {
  metrics.gauge({ name: "herd_links", help: "Open links to peers." }, () => links.all().length);
  metrics.gauge({ name: "herd_members", help: "Other nodes by state.", labels: ["state"] }, () => {
    const all = members.all();
    return memberStates.map((state) => [[state], all.filter((member) => member.state === state).length] as const);
  });
  const records = "Records from peers by outcome.";
  metrics.total({ name: "herd_records_total", help: records, labels: ["outcome"] }, () =>
    Object.entries(replica.counts).map(([outcome, count]) => [[outcome], count] as const),
  );
  const refused = "Connections to the peer port that were closed at once: too many TLS handshakes at a time.";
  metrics.total({ name: "herd_handshakes_refused_total", help: refused }, () => network.handshakesRefused);
}
