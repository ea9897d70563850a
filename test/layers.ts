// The layer rule of ARCHITECTURE.md: imports go down only, and folders of one layer never import each other.

import type { Source } from "./source-tree.js";
import { importGraph } from "./source-tree.js";

const layers: readonly (readonly string[])[] = [
  ["src/core/"],
  ["src/storage/"],
  ["src/api/"],
  ["runtime/", "src/pki/", "src/catalog/", "src/mesh/", "src/owner/", "src/capacity/", "src/client/"],
  ["src/invoke/", "src/deploy/", "src/trust/"],
  ["src/server/", "src/console/"],
  ["src/node/", "src/testing/"],
  ["src/cli/"],
];

/** The same inside a folder: the rooms of one layer do not know each other. A rule per folder, lowest room first. */
const rooms: readonly (readonly (readonly string[])[])[] = [
  layers,
  [["runtime/interface/"], ["runtime/compile/", "runtime/sandbox/"]],
  [["runtime/compile/source/"], ["runtime/compile/glue/", "runtime/compile/emit/"], ["runtime/compile/process/"]],
  [["runtime/sandbox/binding/"], ["runtime/sandbox/prepare/", "runtime/sandbox/pool/", "runtime/sandbox/thread/"]],
  [["src/mesh/transport/", "src/mesh/membership/", "src/mesh/replication/"]],
  [
    ["src/pki/x509/"],
    ["src/pki/registry/"],
    ["src/pki/state/", "src/pki/tokens/"],
    ["src/pki/identity/"],
    ["src/pki/audit/"],
    ["src/pki/join/"],
  ],
  [
    ["src/server/ports"],
    ["src/server/connections/"],
    ["src/server/http/"],
    ["src/server/relay/", "src/server/call/"],
    ["src/server/views/"],
    ["src/server/endpoints/"],
    ["src/server/https-api"],
  ],
  [["src/invoke/routing/"], ["src/invoke/learning/"], ["src/invoke/peers/"], ["src/invoke/forwarding/"]],
];

/** Every import that goes up or sideways, and every file that stands outside the house, as readable lines. */
export function layerViolations(sources: readonly Source[]): string[] {
  const violations: string[] = [];
  for (const [path, imports] of importGraph(sources)) {
    if (placeOf(path, layers) === undefined) violations.push(`${path} stands in no layer`);
    for (const imported of imports) {
      for (const order of rooms) {
        const from = placeOf(path, order);
        const to = placeOf(imported, order);
        if (order === layers && to === undefined) violations.push(`${path} imports ${imported}, outside the house`);
        if (from === undefined || to === undefined || from.folder === to.folder) continue;
        if (to.layer >= from.layer) violations.push(`${path} must not import ${imported}`);
      }
    }
  }
  return violations;
}

/** Each import cycle as a line of its files. */
export function importCycles(sources: readonly Source[]): string[] {
  const graph = importGraph(sources);
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) cycles.push([...trail.slice(start), path].join(" → "));
    if (start >= 0 || done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return cycles;
}

function placeOf(
  path: string,
  order: readonly (readonly string[])[],
): { readonly layer: number; readonly folder: string } | undefined {
  for (const [layer, folders] of order.entries()) {
    const folder = folders.find((candidate) => path.startsWith(candidate));
    if (folder !== undefined) return { layer, folder };
  }
  return undefined;
}
