// The table of routes: every path that a node serves over HTTPS.

import * as apps from "./apps.js";
import { audit } from "./audit.js";
import * as calls from "./calls.js";
import { followEvents } from "./events.js";
import * as health from "./health.js";
import * as joins from "./joins.js";
import { readLogs } from "./logs.js";
import * as mesh from "./mesh.js";
import * as nodes from "./nodes.js";
import * as policy from "./policy.js";
import type { Route } from "./route.js";
import * as tokens from "./tokens.js";

/** Every route, in the order of the reference. */
export const routes: readonly Route[] = [
  calls.invoke,
  calls.invokeByQuery,
  apps.listApps,
  apps.showApp,
  apps.deployApp,
  apps.removeApp,
  apps.rollbackApp,
  apps.appOpenApi,
  apps.appComponent,
  apps.appWit,
  apps.appSource,
  tokens.createToken,
  tokens.listTokens,
  tokens.revokeToken,
  tokens.signIn,
  joins.join,
  joins.pollJoin,
  joins.listJoins,
  joins.approveJoin,
  joins.rejectJoin,
  nodes.listNodes,
  nodes.showNode,
  nodes.revokeNode,
  nodes.drainNode,
  nodes.resumeNode,
  nodes.recycleNode,
  policy.showPolicy,
  policy.changePolicy,
  mesh.showMesh,
  mesh.whyCall,
  mesh.listMasters,
  mesh.revocationLists,
  audit,
  readLogs,
  followEvents,
  health.health,
  health.readiness,
  health.rootCertificate,
  health.metrics,
  health.description,
  health.page,
  health.pageFile,
];
