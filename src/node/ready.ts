// What a node announces once it serves.

import type { AppInterface } from "../../runtime/interface/model.js";
import { isWildcard } from "../core/config.js";
import type { OuterWall } from "../core/outer-wall.js";
import { keepClientState } from "../pki/identity/own-client-state.js";
import type { NodeContext } from "./node-context.js";
import type { NodeParts } from "./node-parts.js";

/** A node that serves: the source of the `ready` line (src/api/ready.ts), and of what `herd up` shows people. */
export interface Ready {
  readonly url: string;
  readonly peer: string;
  readonly node: string;
  readonly mesh: string;
  /** An admin token, when the node founded its mesh. */
  readonly foundingToken: string | undefined;
  /** The token that the state directory holds for this machine's command line; masters alone make one. */
  readonly token: string | undefined;
  readonly ca: string;
  readonly state: string;
  readonly master: boolean;
  /** Address of the console, on a master with a one-time sign-in code. */
  readonly signInUrl: string;
  readonly apps: readonly { readonly app: string; readonly interface: AppInterface }[];
  readonly wall: OuterWall;
  /** Why its peers do not accept it, and what to do; empty when they do. */
  readonly notReady: readonly string[];
}

/** Describes the node, once its client state is written. */
export async function describeReady(context: NodeContext, { api, apps, acceptance }: NodeParts): Promise<Ready> {
  const { identity, clock, ownerSecret, peer, wall, config } = context;
  const { state, host } = config;
  const dial = isWildcard(host) ? "localhost" : host;
  const token = await keepClientState(identity, { state, url: api.url, dial, ownerSecret: ownerSecret.text, clock });
  const active = apps.catalog.list().flatMap(({ app }) => {
    const entry = apps.router.find(app);
    return entry === undefined ? [] : [{ app, interface: entry.prepared.interface }];
  });
  return {
    url: api.url,
    peer,
    node: identity.nodeName,
    mesh: identity.meshId,
    foundingToken: identity.founded ? token : undefined,
    token,
    ca: identity.caPath,
    state,
    master: identity.isMaster,
    signInUrl: identity.isMaster ? `${api.url}/#code=${identity.signIn.createCode()}` : `${api.url}/`,
    apps: active,
    wall,
    notReady: acceptance.reasons().map(({ reason }) => reason),
  };
}
