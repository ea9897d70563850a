// What every part of a node needs: configuration, identity, time, and where to report what happens.

import type { Clock } from "../core/clock.js";
import type { Config } from "../core/config.js";
import type { DescriptorShares } from "../core/descriptors.js";
import type { DoorKind } from "../core/door-kind.js";
import type { Logger } from "../core/log.js";
import type { LogRing } from "../core/log-ring.js";
import type { Metrics } from "../core/metrics.js";
import type { OuterWall } from "../core/outer-wall.js";
import type { Random, Timers } from "../core/timers.js";
import type { Identity } from "../pki/identity/identity.js";
import type { OwnerSecret } from "../pki/tokens/owner-secret.js";
import type { MeshEvents } from "../server/views/mesh-events.js";

/** The context of one node. `url` is its HTTPS address and `peer` the `HOST:PORT` that peers dial. */
export interface NodeContext {
  readonly config: Config;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly identity: Identity;
  readonly ownerSecret: OwnerSecret;
  readonly log: Logger;
  readonly ring: LogRing;
  readonly metrics: Metrics;
  readonly events: MeshEvents;
  readonly url: string;
  readonly port: number;
  readonly peer: string;
  readonly peerPort: number;
  readonly wall: OuterWall;
  /** The front door of the public port. */
  readonly door: DoorKind;
  /** How many connections strangers may have open. */
  readonly descriptors: DescriptorShares;
  /** Ends the node, calls first, so that its container engine or service manager puts another in its place. */
  readonly recycle: () => void;
  /** Aborts when the node is to stop, also while it starts. */
  readonly stopped: AbortSignal;
}
