// The front door: the server of the public HTTPS port, whichever program reads the bytes.

import type { DoorKind } from "../../core/door-kind.js";
import type { KeyFiles } from "../../pki/state/key-files.js";
import type { ConnectionGate } from "../connections/connection-gate.js";
import type { RequestContext } from "../http/request-context.js";
import type { HotRoute } from "../http/route-table.js";
import type { ProblemOptions } from "../http/send-problem.js";

/** What a front door serves, and where. */
export interface FrontDoorOptions extends ProblemOptions {
  readonly host: string;
  readonly port: number;
  /** Routes that a door with a table of its own may call at once; `handle` finds them too. */
  readonly hotRoutes: readonly HotRoute[];
  /** Answers every request. */
  readonly handle: (context: RequestContext) => void;
  readonly connections: ConnectionGate;
}

/** The server of the public port. */
export interface FrontDoor {
  readonly kind: DoorKind;
  /** The bound port; 0 before the start. */
  readonly port: number;
  /** Binds and serves. Throws `UsageError` when the address cannot be bound. */
  start(keyFiles: KeyFiles): Promise<void>;
  /** Serves new connections with a new certificate; open connections keep the old one. */
  reload(keyFiles: KeyFiles): Promise<void>;
  /** Closes the port and every connection. */
  stop(): void;
}
