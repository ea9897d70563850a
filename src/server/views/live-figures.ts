// What changes from second to second, in one text for whoever follows: the mesh as this node sees it, and how its calls go.

import type { AppRecord } from "../../catalog/model.js";
import type { AppRouter } from "../../invoke/app-router.js";
import type { CallStats, FunctionStats } from "../call/call-stats.js";

/** What the figures are read from. */
export interface LiveFiguresOptions {
  readonly catalog: { list(): readonly AppRecord[] };
  readonly router: Pick<AppRouter, "find">;
  readonly calls: CallStats;
  /** The body of `GET /v1/mesh`. */
  readonly mesh: () => Record<string, unknown>;
}

/** The data of an event `figures`: `mesh`, and by app its revision and the figures of its functions that were called. */
export function liveFigures({ catalog, router, calls, mesh }: LiveFiguresOptions): Record<string, unknown> {
  const apps = catalog.list().map(({ app, revision }) => {
    const active = router.find(app);
    const functions = [...(active?.functions.keys() ?? [])].flatMap((name): [string, FunctionStats][] => {
      const figures = active && calls.of(active, name);
      return figures === undefined ? [] : [[name, figures]];
    });
    return [app, { revision, functions: Object.fromEntries(functions) }];
  });
  return { mesh: mesh(), apps: Object.fromEntries(apps) };
}
