// The public HTTPS server: a table of routes on hyper-express, and its life from port to last connection.

import type { us_listen_socket } from "uWebSockets.js";
import { type AddressInfo, createServer } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Request, Response, Server } from "hyper-express";
import type { Route } from "../../api/route.js";
import { UsageError } from "../../core/usage-error.js";
import { type ConnectionGate, guardConnections } from "../connections/connection-gate.js";
import type { RequestContext } from "./client-request.js";
import { type ProblemOptions, sendProblem } from "./send-problem.js";
import { UwsServer } from "./uws-server.js";

type Handler = (request: Request, response: Response) => void;

/** Paths of the certificate chain and its key, in PEM; the files are read during the call that takes the paths. */
export interface KeyFiles {
  readonly cert: string;
  readonly key: string;
}

/** A route whose handler has hyper-express' request and response, past the chain: the hot path. */
interface HotRoute {
  readonly route: Route;
  readonly handle: Handler;
}

/** What an {@link HttpsServer} serves, and where. */
export interface HttpsServerOptions extends ProblemOptions {
  readonly host: string;
  readonly port: number;
  readonly hotRoutes: readonly HotRoute[];
  /** Answers every request that is not for a hot route. */
  readonly handle: (context: RequestContext) => void;
  readonly connections: ConnectionGate;
}

/**
 * The range that is searched for a free port when any will do. The range is below the ephemeral ports (Linux from
 * 32768, others from 49152, RFC 6335 section 6): an outgoing connection could take one of those between the probe and
 * the bind.
 */
const anyPorts = { first: 20_000, count: 12_000 };
/**
 * Distance between the first ports that two processes probe: processes that start together seldom probe the same
 * port.
 */
const portsPerProcess = 16;
const portAttempts = 100;
let portsTried = 0;

/** A server with its listening sockets: one per address. */
interface Bound {
  readonly server: Server;
  readonly sockets: us_listen_socket[];
}

/**
 * Serves the routes over TLS. uWebSockets reads a certificate once, so a new certificate needs a new server on the
 * port.
 */
export class HttpsServer {
  readonly #options: HttpsServerOptions;
  #bound: Bound | undefined;
  #retired: Server[] = [];
  #port = 0;

  constructor(options: HttpsServerOptions) {
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

  #register(server: Server): void {
    const { hotRoutes, handle } = this.#options;
    for (const { route, handle: hot } of hotRoutes) {
      const path = route.path.replace(/\{(\w+)\}/g, ":$1");
      if (route.method === "GET") server.get(path, hot);
      else server.post(path, hot);
    }
    server.any("/*", (request, response) => handle({ request, response }));
    server.set_error_handler((request, response, error) => sendProblem({ request, response }, error, this.#options));
  }
}

/** The addresses to bind: uWebSockets binds the first address of a name alone, and localhost has two. */
function bindAddresses(host: string): string[] {
  return host === "localhost" ? ["127.0.0.1", "::1"] : [host];
}

/**
 * The port, once every address of the host can be bound; a free port for 0. Throws {@link UsageError} with the reason
 * and with the flag that sets the port.
 */
export async function checkPort(host: string, port: number, flag = "--port"): Promise<number> {
  for (let attempt = 0; port === 0 && attempt < portAttempts; attempt++) {
    const offset = process.pid * portsPerProcess + portsTried++;
    const { first, count } = anyPorts;
    const free = await checkAddresses(host, first + (offset % count), flag).catch(() => undefined);
    if (free !== undefined) return free;
  }
  return checkAddresses(host, port, flag);
}

async function checkAddresses(host: string, port: number, flag: string): Promise<number> {
  let chosen = port;
  for (const [index, address] of bindAddresses(host).entries()) {
    try {
      chosen = await probe(address, chosen);
    } catch (error) {
      const failure = error as NodeJS.ErrnoException;
      // A machine without IPv6 has no ::1.
      const absent = failure.code === "EADDRNOTAVAIL" || failure.code === "EAFNOSUPPORT";
      if (index === 0 || !absent)
        throw new UsageError(bindFailure(failure, { address, port: chosen, flag }), { cause: error });
    }
  }
  return chosen;
}

/** Binds and releases the port; resolves to its number. */
function probe(address: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createServer();
    socket.once("error", reject);
    socket.listen({ host: address, port, exclusive: true }, () => {
      const bound = (socket.address() as AddressInfo).port;
      socket.close(() => resolve(bound));
    });
  });
}

function bindFailure(
  error: NodeJS.ErrnoException,
  { address, port, flag }: { address: string; port: number; flag: string },
): string {
  if (error.code === "EADDRINUSE") {
    return `port ${port} on ${address} is in use: stop what uses it, or choose another with ${flag}`;
  }
  if (error.code === "EACCES")
    return `port ${port} needs more rights than this user has: choose one above 1023 with ${flag}`;
  return `cannot listen on ${address}, port ${port}: ${error.message}`;
}
