// Live stats: the mesh as this node sees it, and the stats of its calls.

import type { CallStats } from "../../api/apps.js";
import type { SentEvent } from "../../api/events.js";
import type { Mesh } from "../../api/mesh.js";
import type { AppRecord } from "../../catalog/model.js";
import type { AppRouter } from "../../invoke/app-router.js";
import type { CallStats as FunctionCalls } from "../call/call-stats.js";

/** The sources of the stats. */
export interface LiveStatsOptions {
  readonly catalog: { list(): readonly AppRecord[] };
  readonly router: Pick<AppRouter, "find">;
  readonly calls: FunctionCalls;
  /** The body of `GET /v1/mesh`. */
  readonly mesh: () => Mesh;
}

/** The data of an event `figures`. */
export type LiveStats = Omit<Extract<SentEvent, { readonly type: "figures" }>, "type" | "at">;

/** The mesh, and for each app its revision and the stats of the functions that were called. */
export function liveStats({ catalog, router, calls, mesh }: LiveStatsOptions): LiveStats {
  const apps = catalog.list().map(({ app, revision }): [string, LiveStats["apps"][string]] => {
    const active = router.find(app);
    const functions = [...(active?.functions.keys() ?? [])].flatMap((name): [string, CallStats][] => {
      const stats = active && calls.of(active, name);
      return stats === undefined ? [] : [[name, stats]];
    });
    return [app, { revision, functions: Object.fromEntries(functions) }];
  });
  return { mesh: mesh(), apps: Object.fromEntries(apps) };
}
