// GET /v1/apps, GET and DELETE /v1/apps/{app}, POST /v1/apps/{app}/rollback.

import { setImmediate as nextTurn } from "node:timers/promises";
import type { AppInterface } from "../../../runtime/interface/model.js";
import * as api from "../../api/apps.js";
import type { AppRecord } from "../../catalog/model.js";
import { HerdError } from "../../core/errors.js";
import type { Limits } from "../../core/limits.js";
import type { Logger } from "../../core/log.js";
import type { Deployer } from "../../deploy/deployer.js";
import type { Catalog } from "../../deploy/ports.js";
import type { AppRouter } from "../../invoke/app-router.js";
import type { CallStats } from "../call/call-stats.js";
import { type Endpoint, type EndpointRequest, empty, endpoint, ok } from "../http/endpoint.js";
import { JsonText } from "../http/http-answer.js";
import type { Mesh } from "../ports.js";
import { appView, deployedView, unlistedView } from "../views/app-view.js";
import { nameOf } from "../views/mesh-names.js";
import { durability, type Storage } from "./durable.js";

/** Dependencies of the endpoints of apps. */
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

/** Once a list has so many UTF-16 units, further apps are listed without their functions. */
const fullListUnits = 8 * 1024 * 1024;
const fullList = new HerdError("request.too-large", "the list is full: ask for this app alone");

/** Apps: list, show, remove, roll back. */
export function appsEndpoints(options: AppsOptions): Endpoint[] {
  const { catalog, deployer, storage } = options;
  const view = async (record: AppRecord, { http: { baseUrl } }: Pick<EndpointRequest, "http">) =>
    appView(record, await interfaceOf(record, options), {
      place: { baseUrl, nodes: holdersOf(record, options) },
      limits: options.limits,
      statsOf: (name) => {
        const active = options.router.find(record.app);
        return active && options.calls.of(active, name);
      },
    });
  return [
    endpoint(api.listApps, {
      async handle(request) {
        const scope = request.claims?.app;
        const records = catalog.list().filter(({ app }) => scope === undefined || app === scope);
        const listed = await list(records, {
          view: (record) => view(record, request),
          unlisted: (record, error) => {
            if (!(error instanceof HerdError))
              options.log.error(`the app ${record.app} cannot be listed`, { cause: error });
            return unlistedView(record, { limits: options.limits, nodes: holdersOf(record, options), error });
          },
        });
        return ok(new JsonText(`[${listed.join(",")}]`));
      },
    }),
    endpoint(api.showApp, {
      handle: async (request) => ok(await view(knownApp(request.parameters.app, catalog), request)),
    }),
    endpoint(api.removeApp, {
      async handle({ parameters, by, http: { signal } }) {
        await deployer.remove(parameters.app, { by, signal });
        return empty(durability(storage).headers);
      },
    }),
    endpoint(api.rollbackApp, {
      async handle({ parameters: { app }, body, by, http: { baseUrl, signal } }) {
        const revision = body?.revision;
        const { prepared, nodes } = await deployer.rollback(app, { revision, by, signal });
        return ok(deployedView(app, prepared, { baseUrl, nodes }));
      },
    }),
  ];
}

/**
 * The apps of a list as JSON texts, one in each turn of the event loop, so that calls run between them. An app that
 * cannot be read is listed without its functions, and so are all apps once the list is full.
 */
async function list(
  records: readonly AppRecord[],
  views: {
    view(record: AppRecord): Promise<api.ListedApp>;
    unlisted(record: AppRecord, error: unknown): api.ListedApp;
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

/** The names of the nodes that can run an app's current revision, this node first. */
function holdersOf({ app, revision }: AppRecord, { router, place, mesh }: AppsOptions): string[] {
  const here = router.find(app)?.prepared.revision === revision ? [place.node] : [];
  return [...here, ...[...mesh.holders(revision)].map((id) => nameOf(id, mesh.registry)).sort()];
}

/**
 * The interface of an app's current revision: in memory while the revision answers calls, else read from its
 * component in another thread.
 */
export async function interfaceOf(
  record: AppRecord,
  { router, deployer }: Pick<AppsOptions, "router" | "deployer">,
): Promise<AppInterface> {
  const active = router.find(record.app);
  if (active?.prepared.revision === record.revision) return active.prepared.interface;
  return deployer.interfaceOf(record.revision);
}
