// Views of an app: its functions with their schemas and URLs, types, revisions, limits.

import type { AppInterface } from "../../../runtime/interface/model.js";
import { describeFunctions, describeTypes } from "../../../runtime/interface/schema.js";
import type { App, AppFunction, CallStats, DeployedApp, ListedApp } from "../../api/apps.js";
import type { AppRecord } from "../../catalog/model.js";
import { HerdError } from "../../core/errors.js";
import type { Limits } from "../../core/limits.js";

/** Stats of a function; undefined when it was not called lately. */
type StatsOf = (name: string) => CallStats | undefined;

/** The address (`https://host:port`) that the client used, and the names of the nodes that have the revision. */
export interface Place {
  readonly baseUrl: string;
  readonly nodes: readonly string[];
}

/** The functions of an app, each with its endpoint. */
function functionsView(app: string, appInterface: AppInterface, { baseUrl }: Pick<Place, "baseUrl">): AppFunction[] {
  return describeFunctions(appInterface).map((description) => {
    const { name, ...rest } = description;
    return { name, url: functionUrl(baseUrl, app, name), ...rest };
  });
}

/** The body of `GET /v1/apps/{app}`. */
export function appView(
  record: AppRecord,
  appInterface: AppInterface,
  { place, limits, statsOf }: { place: Place; limits: Limits; statsOf: StatsOf },
): App {
  return {
    app: record.app,
    revision: record.revision,
    revisions: record.revisions,
    functions: functionsView(record.app, appInterface, place).map((one) => {
      const lastMinute = statsOf(one.name);
      return lastMinute === undefined ? one : { ...one, lastMinute };
    }),
    types: describeTypes(appInterface),
    limits: { ...limits },
    public: record.public,
    nodes: place.nodes,
  };
}

/** An app in the body of `GET /v1/apps` whose functions cannot be listed: without functions, and with the reason. */
export function unlistedView(
  record: AppRecord,
  { limits, nodes, error }: { limits: Limits; nodes: readonly string[]; error: unknown },
): ListedApp {
  const { code, message: detail } =
    error instanceof HerdError ? error : new HerdError("internal", "a defect of this node");
  const { app, revision, revisions } = record;
  return {
    app,
    revision,
    revisions,
    functions: [],
    types: {},
    limits: { ...limits },
    public: record.public,
    nodes,
    unlisted: { code, detail },
  };
}

/** The body of an accepted upload or a rollback. */
export function deployedView(
  app: string,
  prepared: { readonly revision: string; readonly interface: AppInterface },
  place: Place,
): DeployedApp {
  return {
    app,
    revision: prepared.revision,
    functions: functionsView(app, prepared.interface, place),
    nodes: place.nodes,
  };
}

/** URL of a function's endpoint; source names may hold characters that a path must escape. */
function functionUrl(base: string, app: string, name: string): string {
  return `${base}/fn/${app}/${encodeURIComponent(name)}`;
}
