// The front door on uWebSockets, by hyper-express: the fast one, where the binary loads.

import type { us_listen_socket } from "uWebSockets.js";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Request, Response, Server } from "hyper-express";
import { UsageError } from "../../../core/usage-error.js";
import type { KeyFiles } from "../../../pki/state/key-files.js";
import { sendProblem } from "../../http/send-problem.js";
import type { FrontDoor, FrontDoorOptions } from "../front-door.js";
import { bindAddresses, checkPort } from "../port-probe.js";
import { guardConnections } from "./guard-connections.js";
import { UwsContext } from "./uws-context.js";
import type { UwsRequest, UwsResponse } from "./uws-request.js";
import { UwsServer } from "./uws-server.js";

/** A server with its listening sockets: one per address. */
interface Bound {
  readonly server: Server;
  readonly sockets: us_listen_socket[];
}

/** uWebSockets reads a certificate once, so a new certificate needs a new server on the port. */
export class UwsDoor implements FrontDoor {
  readonly kind = "uws";
  readonly #options: FrontDoorOptions;
  #bound: Bound | undefined;
  #retired: Server[] = [];
  #port = 0;

  constructor(options: FrontDoorOptions) {
    this.#options = options;
  }

  /** The bound port. */
  get port(): number {
    return this.#port;
  }

  /** Binds and serves. Throws {@link UsageError} when the address cannot be bound. */
  async start(keyFiles: KeyFiles): Promise<void> {
    if (this.#bound !== undefined) return;
    const { host, port } = this.#options;
    // A plain socket probes the port first, since uWebSockets shares a busy port without an error, and gives no
    // reason for a failure. The probe also chooses the port for 0: uWebSockets does not share a port that it chose
    // itself, and a renewal of the certificate has to.
    await this.#listen(keyFiles, await checkPort(host, port));
  }

  /**
   * Serves new connections with a new certificate; open connections keep the old one. Known limit: the kernel resets
   * the connections in the backlog of the old socket when that socket closes. The socket closes right after a turn of
   * the event loop, which empties the backlog.
   */
  async reload(keyFiles: KeyFiles): Promise<void> {
    const before = this.#bound;
    if (before === undefined) throw new TypeError("reload before start");
    await this.#listen(keyFiles, this.#port);
    await nextTurn();
    for (const socket of before.sockets) before.server.close(socket);
    this.#retired.push(before.server);
  }

  /** Closes the port and every connection. */
  stop(): void {
    const current = this.#bound === undefined ? [] : [this.#bound.server];
    for (const server of [...this.#retired, ...current]) server.uws_instance.close();
    this.#bound = undefined;
    this.#retired = [];
  }

  async #listen(keyFiles: KeyFiles, port: number): Promise<void> {
    const server = new UwsServer(keyFiles, this.#options.log);
    guardConnections(server.uws_instance, this.#options.connections);
    this.#register(server);
    const [first = this.#options.host, ...others] = bindAddresses(this.#options.host);
    const sockets: us_listen_socket[] = [];
    try {
      sockets.push(await server.listen(port, first));
    } catch (error) {
      throw new UsageError(`cannot listen on ${first}, port ${port}`, { cause: error });
    }
    for (const address of others) {
      // A machine without IPv6 has no ::1; localhost is served all the same.
      server.uws_instance.listen(address, port, (socket) => {
        if (socket) sockets.push(socket);
      });
    }
    this.#port = port;
    this.#bound = { server, sockets };
  }

  #register(server: UwsServer): void {
    const { hotRoutes, handle } = this.#options;
    for (const hotRoute of hotRoutes) {
      const { route, handle: hot } = hotRoute;
      const path = route.path.replace(/\{(\w+)\}/g, ":$1");
      server.hot.set(route.method + path, hotRoute);
      const handler = (request: Request, response: Response): void =>
        hot(contextOf(request, response), request.path_parameters);
      if (route.method === "GET") server.get(path, handler);
      else server.post(path, handler);
    }
    server.any("/*", (request, response) => handle(contextOf(request, response)));
    server.set_error_handler((request, response, error) => {
      sendProblem(contextOf(request, response), error, this.#options);
    });
  }
}

/** The server makes requests and responses of these classes alone. */
function contextOf(request: Request, response: Response): UwsContext {
  return new UwsContext(request as UwsRequest, response as UwsResponse);
}
