// `herd mesh status`: a node's peers, and how they look from there.

import { type Mesh, showMesh } from "../api/mesh.js";
import { connect, type GlobalOptions } from "../client/client-options.js";
import { printable } from "../core/terminal-text.js";
import { printAnswer, printLine, printTable } from "./print.js";

/** Prints the mesh as the node sees it. */
export async function meshStatus(options: GlobalOptions): Promise<void> {
  const answer = await (await connect(options)).call(showMesh);
  if (options.json) {
    printAnswer(answer);
    return;
  }
  const mesh = answer.json;
  printLine(`masters ${named(mesh.masters)}, revoked ${named(mesh.revoked)}`);
  printTable(meshRows(mesh));
}

/** The rows for people: the asked node first. */
export function meshRows({ node, here, peers }: Pick<Mesh, "node" | "here" | "peers">): string[][] {
  const self = { ...here, name: node, state: "this node", rttMs: null, errorRate: null, ejected: false };
  return [
    ["NODE", "STATE", "OWNER", "RTT", "LOOP", "SLOTS", "RUNNING", "QUEUED", "UNITS/S", "PACE", "ERRORS", "WEIGHT"],
    ...[self, ...peers].map((peer) => [
      peer.name,
      peer.ejected ? `${peer.state}, ejected` : peer.state,
      peer.owner ?? "-",
      known(peer.rttMs, (ms) => `${ms.toFixed(2)} ms`),
      known(peer.loopDelayMs, (ms) => `${ms.toFixed(0)} ms`),
      ...[peer.slots, peer.running, peer.queued].map((count) => known(count, String)),
      known(peer.capacity, (units) => units.toFixed(0)),
      known(peer.pace, (pace) => pace.toFixed(2)),
      known(peer.errorRate, (rate) => `${(rate * 100).toFixed(0)} %`),
      peer.weight.toFixed(0),
    ]),
  ];
}

function known(value: number | null, show: (value: number) => string): string {
  return value === null ? "-" : show(value);
}

function named(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.map(printable).join(" ");
}
