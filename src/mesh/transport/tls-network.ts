// The network of real nodes: mutual TLS 1.3, on a port of its own. Both sides show a certificate of their mesh.

import { constants } from "node:crypto";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import {
  connect,
  createSecureContext,
  type SecureContextOptions,
  type TLSSocket,
  createServer as tlsServer,
} from "node:tls";
import { offeredGroups } from "../../core/tls-groups.js";
import { type Connection, LinkBroken, type Network, type PeerIdentity, type Refusal } from "../ports.js";
import { certificateFault, claimedNode } from "./certificate-fault.js";
import { encodeFrame, joinFrames } from "./frame.js";
import { messageType } from "./message.js";
import { TlsConnection } from "./tls-connection.js";

/** The name of the protocol and its version (ALPN, RFC 7301). */
const protocolName = "herd/1";

/** The longest that a TLS handshake may take, ms. */
const handshakeMs = 5_000;
/** Incoming TLS handshakes at a time, in all and from one address, by default. More lets a flood hold more sockets. */
const defaultHandshakes = { limit: 256, limitPerAddress: 64 };
/** Refusals that are reported in a second, by default. */
const reportsPerSecond = 10;
/**
 * TCP keep-alive: the idle time before the first probe, ms. For sockets on which the link's own keep-alive has not
 * begun.
 */
const keepAliveMs = 30_000;
/** How long a refused peer may take to read the reason, ms. */
const byeMs = 1_000;

/** A node's peer certificate: PEM chain (leaf first) and PEM key. */
export interface TlsLeaf {
  readonly certificate: string;
  readonly key: string;
}

/** What a node listens and dials with. */
export interface TlsNetworkOptions {
  readonly host: string;
  readonly port: number;
  /** The mesh's root certificate (PEM): the only trusted one. */
  readonly root: string;
  readonly leaf: TlsLeaf;
  /** The identity in a certificate (DER) whose chain has been proved. Throws when it is no certificate of a peer. */
  readonly identify: (certificate: Buffer) => PeerIdentity;
  /** Receives each refusal by this side, at most `reportsPerSecond` a second. */
  readonly onRefused?: (refusal: Omit<Refusal, "skewMs">) => void;
  /** Default 10. More shows more of a flood in the log, which rate-limits like lines itself. */
  readonly reportsPerSecond?: number;
  /** Incoming TLS handshakes at a time: in all (default 256), and from one address (default 64). */
  readonly handshakes?: { readonly limit: number; readonly limitPerAddress: number };
}

/**
 * Listens for peers and dials them. TLS sessions are never resumed: a resumption would skip the certificate, which may
 * have expired meanwhile. In TLS 1.3 the client's handshake ends before the server has judged the client's certificate,
 * so a dialled connection is known to be accepted only when the peer's first frame has come.
 */
export class TlsNetwork implements Network {
  readonly #options: TlsNetworkOptions;
  readonly #server: Server;
  readonly #tls: ReturnType<typeof tlsServer>;
  /** Sockets in their TLS handshake, by remote address and port. */
  readonly #handshakes = new Map<string, Socket>();
  readonly #perAddress = new Map<string, number>();
  #context: ReturnType<typeof createSecureContext>;
  #onConnection: ((connection: Connection) => void) | undefined;
  #reports = { second: 0, count: 0 };
  #handshakesRefused = 0;

  constructor(options: TlsNetworkOptions) {
    this.#options = options;
    const secure = this.#secureOptions(options.leaf);
    this.#context = createSecureContext(secure);
    this.#tls = tlsServer({
      ...secure,
      requestCert: true,
      // Judged in `#connection`, which accepts no peer that OpenSSL did not authorize, so that the log can name a
      // refused peer and the peer receives the reason.
      rejectUnauthorized: false,
      ALPNProtocols: [protocolName],
      handshakeTimeout: handshakeMs,
    });
    this.#tls.on("secureConnection", (socket) => this.#accept(socket));
    this.#tls.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
      this.#refused(`the handshake failed (${error.code ?? error.message})`, { address: addressOf(socket) });
    });
    this.#server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs });
    this.#server.on("connection", (socket) => this.#shakeHands(socket));
  }

  /** Connections that were closed at once: too many TLS handshakes at a time. */
  get handshakesRefused(): number {
    return this.#handshakesRefused;
  }

  /** Shows another certificate on new connections; open connections keep theirs. */
  use(leaf: TlsLeaf): void {
    const secure = this.#secureOptions(leaf);
    this.#context = createSecureContext(secure);
    this.#tls.setSecureContext(secure);
  }

  listen(onConnection: (connection: Connection) => void): Promise<number> {
    this.#onConnection = onConnection;
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host: this.#options.host, port: this.#options.port }, () => {
        this.#server.off("error", reject);
        // A failed accept (no file descriptors left) loses that connection alone.
        this.#server.on("error", (error) => this.#refused(error.message, { address: undefined }));
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  dial(address: string, signal: AbortSignal): Promise<Connection> {
    const target = hostAndPortOf(address);
    return new Promise((resolve, reject) => {
      if (target === undefined || signal.aborted) {
        reject(new LinkBroken(signal.aborted ? "the dial was given up" : `${address} is no address`));
        return;
      }
      const socket = connect({
        ...target,
        secureContext: this.#context,
        ALPNProtocols: [protocolName],
        // Judged in `#connection`, as on the other side.
        rejectUnauthorized: false,
        // A peer has no host name: its identity is the URI in its certificate.
        checkServerIdentity: () => undefined,
      });
      const fail = (reason: string, cause?: unknown): void => {
        done();
        socket.destroy();
        reject(new LinkBroken(`no connection to ${address}: ${reason}`, { cause }));
      };
      const onAbort = (): void => fail("the dial was given up");
      const onError = (error: Error): void => fail(error.message, error);
      const timer = setTimeout(() => fail("the handshake took too long"), handshakeMs).unref();
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        socket.off("error", onError);
        // A socket that failed may fail again while it closes.
        socket.on("error", () => undefined);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      socket.on("error", onError);
      socket.once("secureConnect", () => {
        const connection = this.#connection(socket, address);
        if (typeof connection === "string") {
          done();
          sendBye(socket, connection);
          reject(new LinkBroken(`no connection to ${address}: ${connection}`));
          return;
        }
        done();
        socket.setNoDelay(true);
        socket.setKeepAlive(true, keepAliveMs);
        resolve(connection);
      });
    });
  }

  async close(): Promise<void> {
    this.#onConnection = undefined;
    for (const socket of this.#handshakes.values()) socket.destroy();
    // Not awaited: its callback waits for open connections, which end with their links.
    if (this.#server.listening) this.#server.close();
  }

  #secureOptions(leaf: TlsLeaf): SecureContextOptions {
    return {
      ca: this.#options.root,
      cert: leaf.certificate,
      key: leaf.key,
      minVersion: "TLSv1.3",
      maxVersion: "TLSv1.3",
      ecdhCurve: offeredGroups.join(":"),
      secureOptions: constants.SSL_OP_NO_TICKET,
    };
  }

  #shakeHands(socket: Socket): void {
    const address = socket.remoteAddress ?? "";
    const count = this.#perAddress.get(address) ?? 0;
    const { limit, limitPerAddress } = this.#options.handshakes ?? defaultHandshakes;
    if (this.#handshakes.size >= limit || count >= limitPerAddress) {
      this.#handshakesRefused += 1;
      this.#refused("too many handshakes at a time", { address: addressOf(socket) });
      socket.destroy();
      return;
    }
    const peer = addressOf(socket);
    this.#handshakes.set(peer, socket);
    this.#perAddress.set(address, count + 1);
    socket.once("close", () => this.#handshakeOver(peer, address));
    this.#tls.emit("connection", socket);
  }

  #handshakeOver(peer: string, address: string): void {
    if (!this.#handshakes.delete(peer)) return;
    const count = (this.#perAddress.get(address) ?? 1) - 1;
    if (count === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, count);
  }

  #accept(socket: TLSSocket): void {
    const connection =
      this.#onConnection === undefined ? "the node stops" : this.#connection(socket, addressOf(socket));
    if (typeof connection === "string") {
      // Counts among the handshakes until the socket has closed.
      sendBye(socket, connection);
      return;
    }
    this.#handshakeOver(addressOf(socket), socket.remoteAddress ?? "");
    this.#onConnection?.(connection);
  }

  /** The connection of a socket whose TLS handshake succeeded, or the reason why it is refused. */
  #connection(socket: TLSSocket, address: string): TlsConnection | string {
    const [theirs, ours] = [socket.getPeerX509Certificate(), socket.getX509Certificate()];
    const refuse = (reason: string): string => {
      this.#refused(reason, { address, node: claimedNode(theirs) });
      return reason;
    };
    if (socket.alpnProtocol !== protocolName) return refuse(`the peer does not speak ${protocolName}`);
    if (theirs === undefined || ours === undefined) return refuse("the peer showed no certificate");
    if (!socket.authorized) return refuse(certificateFault(String(socket.authorizationError), theirs));
    try {
      const peer = this.#options.identify(theirs.raw);
      const connection = new TlsConnection(socket, { peer, ownNotAfter: Date.parse(ours.validTo) });
      connection.watch();
      return connection;
    } catch (error) {
      return refuse(error instanceof Error ? error.message : "its certificate cannot be read");
    }
  }

  #refused(reason: string, { address, node }: { address: string | undefined; node?: string | undefined }): void {
    const second = Math.floor(performance.now() / 1_000);
    if (this.#reports.second !== second) this.#reports = { second, count: 0 };
    const limit = this.#options.reportsPerSecond ?? reportsPerSecond;
    if (this.#reports.count++ < limit) this.#options.onRefused?.({ by: "this node", node, address, reason });
  }
}

/** Sends a refused peer the reason and the time here. The socket closes within {@link byeMs}, read or not. */
function sendBye(socket: TLSSocket, reason: string): void {
  socket.on("error", () => undefined);
  socket.end(joinFrames([encodeFrame([messageType.bye, reason, [], Date.now()])]));
  const timer = setTimeout(() => socket.destroy(), byeMs).unref();
  socket.once("close", () => clearTimeout(timer));
  socket.resume();
}

function addressOf(socket: Socket): string {
  return `${socket.remoteAddress ?? ""}:${socket.remotePort ?? ""}`;
}

/** Host and port of `HOST:PORT`, an IPv6 address in brackets. */
function hostAndPortOf(address: string): { host: string; port: number } | undefined {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s]+)):(\d{1,5})$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) return undefined;
  return { host, port: Number(port) };
}
