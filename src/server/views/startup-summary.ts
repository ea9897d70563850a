// A node that serves, as it is shown once at its start: to people, and in the `ready` line.

import type { AppInterface } from "../../../runtime/interface/model.js";
import type { Clock } from "../../core/clock.js";
import { type Config, isWildcard } from "../../core/config.js";
import type { DoorKind } from "../../core/door-kind.js";
import type { OuterWall } from "../../core/outer-wall.js";
import type { Catalog } from "../../deploy/ports.js";
import type { AppRouter } from "../../invoke/app-router.js";
import type { Identity } from "../../pki/identity/identity.js";
import { keepClientState } from "../../pki/identity/own-client-state.js";
import type { OwnerSecret } from "../../pki/tokens/owner-secret.js";
import type { PeerAcceptance } from "../../trust/peer-acceptance.js";

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
  /** The front door of the public port. */
  readonly door: DoorKind;
  /** Why its peers do not accept it, and what to do; empty when they do. */
  readonly notReady: readonly string[];
}

/** The node that is described, and its parts. */
interface ReadySources {
  readonly identity: Identity;
  readonly config: Pick<Config, "state" | "host">;
  readonly clock: Clock;
  readonly ownerSecret: OwnerSecret;
  /** `HOST:PORT` that peers dial. */
  readonly peer: string;
  readonly wall: OuterWall;
  readonly door: DoorKind;
  /** `https://HOST:PORT` of the interface. */
  readonly url: string;
  readonly catalog: Pick<Catalog, "list">;
  readonly router: Pick<AppRouter, "find">;
  readonly acceptance: Pick<PeerAcceptance, "reasons">;
}

/** Describes the node, once its client state is written. */
export async function describeReady(sources: ReadySources): Promise<Ready> {
  const { identity, config, clock, ownerSecret, peer, wall, door, url, catalog, router, acceptance } = sources;
  const { state, host } = config;
  const dial = isWildcard(host) ? "localhost" : host;
  const token = await keepClientState(identity, { state, url, dial, ownerSecret: ownerSecret.text, clock });
  const active = catalog.list().flatMap(({ app }) => {
    const entry = router.find(app);
    return entry === undefined ? [] : [{ app, interface: entry.prepared.interface }];
  });
  return {
    url,
    peer,
    node: identity.nodeName,
    mesh: identity.meshId,
    foundingToken: identity.founded ? token : undefined,
    token,
    ca: identity.caPath,
    state,
    master: identity.isMaster,
    signInUrl: identity.isMaster ? `${url}/#code=${identity.signIn.createCode()}` : `${url}/`,
    apps: active,
    wall,
    door,
    notReady: acceptance.reasons().map(({ reason }) => reason),
  };
}
