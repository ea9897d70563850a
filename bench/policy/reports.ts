// Reports of nodes' loads, as src/invoke/peers/report-notifier.ts sends them: some time after a change, and at least
// once a second.

import type { PlacementAtWork } from "./policy.js";
import type { SimMesh } from "./sim-mesh.js";
import type { Report, SimNode } from "./sim-node.js";

/** As in src/invoke/peers/report-notifier.ts. */
const tickMs = 900;
const settleMs = 20;
const settlePerLinkMs = 2;
/** Reports of a node that may be in flight at once. */
const kept = 8;

/**
 * The reports of each node to all others. A message changes nothing until a node reads it: so it is looked up then, not
 * delivered.
 */
export class Reports implements PlacementAtWork {
  readonly #mesh: SimMesh;
  readonly #sent: Report[][];
  readonly #settling = new Set<SimNode>();
  readonly balancer: PlacementAtWork["balancer"];

  constructor(mesh: SimMesh, balancer: (node: number, reports: Reports) => ReturnType<PlacementAtWork["balancer"]>) {
    this.#mesh = mesh;
    this.balancer = (node) => balancer(node, this);
    this.#sent = mesh.scenario.machines.map(() => []);
    for (const [node] of mesh.scenario.machines.entries()) {
      mesh.queue.after(0, () => this.#send(mesh.nodes[node] as SimNode));
      mesh.queue.after(tickMs * mesh.random(), () => this.#tick(mesh.nodes[node] as SimNode));
    }
  }

  /** The newest report of that node that was sent no later than then: at a node at that distance, it has arrived. */
  latest(from: number, latestMs: number): Report | undefined {
    const sent = this.#sent[from] ?? [];
    for (let index = sent.length - 1; index >= 0; index--) {
      const report = sent[index] as Report;
      if (report.atMs <= latestMs) return report;
    }
    return undefined;
  }

  touched(node: SimNode): void {
    if (this.#settling.has(node)) return;
    this.#settling.add(node);
    const peers = this.#mesh.nodes.length - 1;
    this.#mesh.queue.after(Math.max(settleMs, settlePerLinkMs * peers), () => {
      this.#settling.delete(node);
      if (this.#differs(node)) this.#send(node);
      if (node.running + node.queued > 0) this.touched(node);
    });
  }

  allowed(node: SimNode): void {
    this.#send(node);
  }

  #tick(node: SimNode): void {
    this.#send(node);
    if (this.#mesh.busy) this.#mesh.queue.after(tickMs, () => this.#tick(node));
  }

  #send(node: SimNode): void {
    const sent = this.#sent[node.id] ?? [];
    if (sent.length >= kept) sent.shift();
    sent.push(node.report());
    this.#mesh.measures.messages += this.#mesh.nodes.length - 1;
  }

  #differs(node: SimNode): boolean {
    const last = this.#sent[node.id]?.at(-1);
    if (last === undefined || last.slots !== node.slots) return true;
    const before = last.running + last.queued;
    return Math.abs(node.running + node.queued - before) >= Math.max(1, before / 4);
  }
}
