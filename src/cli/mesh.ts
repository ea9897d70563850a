// `herd mesh status`: a node's peers, and how they look from there.

import { printable } from "../core/terminal-text.js";
import { connect, type GlobalOptions } from "./connection.js";
import { printJson, printLine, printTable } from "./print.js";

interface PeerBody {
  readonly name: string;
  readonly state: string;
  readonly rttMs: number | null;
  readonly slots: number | null;
  readonly running: number | null;
  readonly queued: number | null;
  readonly capacity: number | null;
  readonly weight: number;
}

interface MeshBody {
  readonly node: string;
  readonly peers: readonly PeerBody[];
  readonly masters: readonly string[];
  readonly revoked: readonly string[];
}

/** Prints the mesh as the node sees it. */
export async function meshStatus(options: GlobalOptions): Promise<void> {
  const mesh = await (await connect(options)).json<MeshBody>("/v1/mesh");
  if (options.json) {
    printJson(mesh);
    return;
  }
  printLine(`${printable(mesh.node)}, masters ${named(mesh.masters)}, revoked ${named(mesh.revoked)}`);
  if (mesh.peers.length === 0) {
    printLine("no peers");
    return;
  }
  printTable([
    ["PEER", "STATE", "RTT", "SLOTS", "RUNNING", "QUEUED", "CAPACITY", "WEIGHT"],
    ...mesh.peers.map(({ name, state, rttMs, slots, running, queued, capacity, weight }) => [
      name,
      state,
      rttMs === null ? "-" : `${rttMs.toFixed(2)} ms`,
      ...[slots, running, queued, capacity, weight].map((count) => (count === null ? "-" : String(count))),
    ]),
  ]);
}

function named(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.map(printable).join(" ");
}
