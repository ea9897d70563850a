// GET /v1/apps, GET and DELETE /v1/apps/{app}, POST /v1/apps/{app}/rollback.

import { setImmediate as nextTurn } from "node:timers/promises";
import { z } from "zod";
import type { AppInterface } from "../../../runtime/interface/model.js";
import type { AppRecord } from "../../catalog/model.js";
import { HerdError } from "../../core/errors.js";
import type { Limits } from "../../core/limits.js";
import type { Logger } from "../../core/log.js";
import type { Deployer } from "../../deploy/deployer.js";
import type { Catalog } from "../../deploy/ports.js";
import type { AppRouter } from "../../invoke/app-router.js";
import type { CallStats } from "../call/call-stats.js";
import type { Endpoint } from "../http/endpoint.js";
import type { Exchange } from "../http/exchange.js";
import type { Mesh } from "../ports.js";
import { appView, deployedView, unlistedView } from "../views/app-view.js";
import { nameOf } from "../views/mesh-names.js";
import { tellDurable } from "./durable.js";
import type { Storage } from "./node-state.js";

/** What the endpoints of apps work with. */
export interface AppsOptions {
  readonly catalog: Catalog;
  readonly router: AppRouter;
  readonly deployer: Deployer;
  readonly limits: Limits;
  /** This node's name. */
  readonly place: { readonly node: string };
  readonly mesh: Pick<Mesh, "holders" | "registry">;
  readonly calls: Pick<CallStats, "of">;
  readonly log: Pick<Logger, "error">;
  readonly storage?: Storage | undefined;
}

/** UTF-16 units of a list after which apps are in it without their functions. */
const fullListUnits = 8 * 1024 * 1024;
const fullList = new HerdError("request.too-large", "the list is full: ask for this app alone");

const rollbackBody = z.strictObject({ revision: z.string().max(64).optional() }).optional();

/** Apps: list, show, remove, roll back. */
export function appsEndpoints(options: AppsOptions): Endpoint[] {
  const { catalog, deployer, storage } = options;
  const view = async (record: AppRecord, { incoming: { baseUrl } }: Exchange) =>
    appView(record, await interfaceOf(record, options), {
      place: { baseUrl, nodes: holdersOf(record, options) },
      limits: options.limits,
      figuresOf: (name) => {
        const active = options.router.find(record.app);
        return active && options.calls.of(active, name);
      },
    });
  return [
    {
      method: "GET",
      path: "/v1/apps",
      role: "invoke",
      scoped: true,
      async handle(exchange) {
        const scope = exchange.claims?.app;
        const records = catalog.list().filter(({ app }) => scope === undefined || app === scope);
        const listed = await list(records, {
          view: (record) => view(record, exchange),
          unlisted: (record, error) => {
            if (!(error instanceof HerdError))
              options.log.error(`the app ${record.app} cannot be listed`, { cause: error });
            return unlistedView(record, { limits: options.limits, nodes: holdersOf(record, options), error });
          },
        });
        exchange.send(200, { type: "application/json", body: `[${listed.join(",")}]` });
      },
    },
    {
      method: "GET",
      path: "/v1/apps/:app",
      role: "invoke",
      async handle(exchange) {
        const record = knownApp(exchange.parameter("app"), catalog);
        exchange.answer(200, await view(record, exchange));
      },
    },
    {
      method: "DELETE",
      path: "/v1/apps/:app",
      role: "deploy",
      at: "deployer",
      async handle(exchange) {
        await deployer.remove(exchange.parameter("app"), {
          by: exchange.claims?.id ?? "",
          signal: exchange.signal,
        });
        tellDurable(exchange, storage);
        exchange.done();
      },
    },
    {
      method: "POST",
      path: "/v1/apps/:app/rollback",
      role: "deploy",
      at: "deployer",
      async handle(exchange) {
        const app = exchange.parameter("app");
        const body = rollbackBody.safeParse(await exchange.json());
        if (!body.success) throw new HerdError("request.malformed", 'the body is empty or {"revision": "…"}');
        const by = exchange.claims?.id ?? "";
        const revision = body.data?.revision;
        const { prepared, nodes } = await deployer.rollback(app, { revision, by, signal: exchange.signal });
        exchange.answer(200, deployedView(app, prepared, { baseUrl: exchange.incoming.baseUrl, nodes }));
      },
    },
  ];
}

/**
 * The apps of a list as JSON texts, one after the other, so that calls get their turn between them. One that cannot be
 * read, and those that come when the list is full, are in it without their functions.
 */
async function list(
  records: readonly AppRecord[],
  views: {
    view(record: AppRecord): Promise<Record<string, unknown>>;
    unlisted(record: AppRecord, error: unknown): Record<string, unknown>;
  },
): Promise<string[]> {
  const texts: string[] = [];
  let length = 0;
  for (const record of records) {
    const full = length > fullListUnits;
    const shown = full
      ? views.unlisted(record, fullList)
      : await views.view(record).catch((error: unknown) => views.unlisted(record, error));
    const text = JSON.stringify(shown);
    length += text.length;
    texts.push(text);
    await nextTurn();
  }
  return texts;
}

/** The app's record. Throws `app.unknown`. */
export function knownApp(app: string, catalog: Pick<Catalog, "get">): AppRecord {
  const record = catalog.get(app);
  if (record === undefined) throw new HerdError("app.unknown", `there is no app ${app}`);
  return record;
}

/** The names of the nodes that can run an app's current revision, this one first. */
function holdersOf({ app, revision }: AppRecord, { router, place, mesh }: AppsOptions): string[] {
  const here = router.find(app)?.prepared.revision === revision ? [place.node] : [];
  return [...here, ...[...mesh.holders(revision)].map((id) => nameOf(id, mesh.registry)).sort()];
}

/**
 * The interface of an app's current revision: at hand while it answers calls, else read from its component, in another
 * thread.
 */
export async function interfaceOf(
  record: AppRecord,
  { router, deployer }: Pick<AppsOptions, "router" | "deployer">,
): Promise<AppInterface> {
  const active = router.find(record.app);
  if (active?.prepared.revision === record.revision) return active.prepared.interface;
  return deployer.interfaceOf(record.revision);
}
