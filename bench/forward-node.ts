// A node that forwards over real links and whose sandbox answers at once, so that only the way is measured. Also the
// thread of the peer.

import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../src/core/clock.js";
import { defaultLocalBias } from "../src/core/config.js";
import { randomHex } from "../src/core/ids.js";
import { defaultLimits } from "../src/core/limits.js";
import type { Logger } from "../src/core/log.js";
import { Metrics } from "../src/core/metrics.js";
import { systemTimers } from "../src/core/timers.js";
import { type ActiveApp, AppRouter } from "../src/invoke/app-router.js";
import { Forwarding } from "../src/invoke/forwarding/forwarding.js";
import type { InvocationResult } from "../src/invoke/invoker.js";
import { LinkSet } from "../src/mesh/transport/link-set.js";
import { type TlsLeaf, TlsNetwork } from "../src/mesh/transport/tls-network.js";
import type { Allowance } from "../src/owner/allowance.js";
import { peerIdentityOf } from "../src/pki/x509/peer-identity.js";

/** Setup of a node: its id, the mesh's id and root certificate, its own certificate. */
export interface ForwardNodeData {
  readonly id: string;
  readonly meshId: string;
  readonly root: string;
  readonly leaf: TlsLeaf;
}

const ignore = (): void => undefined;
const log: Logger = { trace: ignore, debug: ignore, info: ignore, warn: console.error, error: console.error };
const allowance: Allowance = { state: "none", slots: 2, idleClass: false, lightUnits: Number.POSITIVE_INFINITY };
const atOnce: InvocationResult = { json: "42", queueMs: 0, runMs: 0, serviceMs: 0 };

/** One node with one app. */
export class ForwardNode {
  readonly app: ActiveApp;
  readonly links: LinkSet;
  readonly forwarding: Forwarding;

  constructor({ id, meshId, root, leaf }: ForwardNodeData) {
    const network = new TlsNetwork({
      host: "127.0.0.1",
      port: 0,
      root,
      leaf,
      identify: (certificate) => peerIdentityOf(certificate, meshId),
    });
    const [clock, timers, random] = [systemClock, systemTimers, Math.random];
    const links = new LinkSet({
      nodeId: id,
      instance: randomHex(16),
      network,
      clock,
      timers,
      random,
      log,
      trust: { check: ignore },
      hello: () => ({ address: undefined, url: "https://localhost", records: [] }),
      acceptRecords: async () => undefined,
    });
    const functions = [{ name: "add", wit: "add", parameters: [], result: null }];
    const prepared = {
      revision: "0123456789ab",
      interface: { version: 1 as const, functions, records: [], enums: [] },
    };
    const router = new AppRouter();
    router.activate("bench", prepared, { public: true });
    const app = router.find("bench");
    if (app === undefined) throw new TypeError("the app is not active");
    this.app = app;
    this.links = links;
    this.forwarding = new Forwarding({
      nodeId: id,
      links,
      router,
      clock,
      timers,
      random,
      log,
      limits: defaultLimits,
      metrics: new Metrics(),
      members: { get: () => undefined, watch: () => ignore },
      sandbox: {
        longWorkers: 0,
        stats: () => ({ slots: 2, running: 0, queued: 0 }),
        begin: (_call, end) => end.resolve(atOnce),
      },
      allowances: { current: allowance, watch: () => ignore },
      capacity: { current: undefined, watch: () => ignore },
      localBias: defaultLocalBias,
      loopDelayMs: () => 0,
      nameOf: (nodeId) => nodeId,
      onLine: ignore,
    });
  }

  /** Starts to listen; returns the port. */
  start(): Promise<number> {
    this.forwarding.start();
    return this.links.start();
  }
}

if (!isMainThread && parentPort !== null) {
  parentPort.postMessage(await new ForwardNode(workerData as ForwardNodeData).start());
}
