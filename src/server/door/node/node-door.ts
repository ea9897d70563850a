// The front door on Node's own server: for every machine on which uWebSockets has no binary.

import { readFile } from "node:fs/promises";
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import { createServer, type Server, type ServerOptions } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { systemClock } from "../../../core/clock.js";
import { HerdError } from "../../../core/errors.js";
import { UsageError } from "../../../core/usage-error.js";
import type { KeyFiles } from "../../../pki/state/key-files.js";
import { addressKey } from "../../connections/connection-table.js";
import { HeaderBlock, maxHeaderBytes } from "../../connections/header-block.js";
import { Transfers } from "../../connections/transfers.js";
import { sendAnswer } from "../../http/client-request.js";
import { Content, type HttpAnswer } from "../../http/http-answer.js";
import { addressBytes } from "../../http/remote-address.js";
import { problemAnswer, sendProblem } from "../../http/send-problem.js";
import type { FrontDoor, FrontDoorOptions } from "../front-door.js";
import { bindAddresses, checkPort } from "../port-probe.js";
import { tlsOptions } from "../tls-options.js";
import { NodeContext, NodeHeaderSource } from "./node-context.js";

/** Life of an idle connection, ms; answers name it in `keep-alive`. */
const idleMs = 8_000;
/** The longest time of a handshake, and of a header block, ms. */
const headMs = 10_000;
/** How often Node looks for header blocks that take too long, ms. */
const lookMs = 1_000;
/** What Node counts as headers is a little more than what {@link HeaderBlock} bounds, which names the bound. */
const parsedHeaderBytes = maxHeaderBytes + 4_096;

/** A fault of Node's parser, with the bytes that it was reading. */
type ParserError = NodeJS.ErrnoException & { readonly rawPacket?: Buffer };

/** `node:https` as a front door. */
export class NodeDoor implements FrontDoor {
  readonly kind = "node";
  readonly #options: FrontDoorOptions;
  readonly #transfers = new Transfers(systemClock);
  readonly #source = new NodeHeaderSource();
  readonly #block = new HeaderBlock(this.#source);
  /** The request that is answered on each connection. */
  readonly #contexts = new WeakMap<Duplex, NodeContext>();
  #servers: Server[] = [];
  #port = 0;

  constructor(options: FrontDoorOptions) {
    this.#options = options;
  }

  get port(): number {
    return this.#port;
  }

  async start(keyFiles: KeyFiles): Promise<void> {
    if (this.#servers.length > 0) return;
    const { host, port } = this.#options;
    this.#port = await checkPort(host, port);
    const options = await serverOptions(keyFiles);
    const [first = host, ...others] = bindAddresses(host);
    await this.#listen(first, options).catch((error: unknown) => {
      throw new UsageError(`cannot listen on ${first}, port ${this.#port}`, { cause: error });
    });
    // A machine without IPv6 has no ::1; localhost is served all the same.
    for (const address of others) await this.#listen(address, options).catch(() => undefined);
  }

  async reload(keyFiles: KeyFiles): Promise<void> {
    if (this.#servers.length === 0) throw new TypeError("reload before start");
    const options = await serverOptions(keyFiles);
    for (const server of this.#servers) server.setSecureContext(options);
  }

  stop(): void {
    for (const server of this.#servers.splice(0)) {
      server.close();
      server.closeAllConnections();
    }
  }

  async #listen(address: string, options: ServerOptions): Promise<void> {
    const server = createServer(options);
    // The type allows any stream, but a server that listens on a port has sockets.
    server.prependListener("connection", (socket) => this.#admit(socket as Socket));
    const answer = (request: IncomingMessage, response: ServerResponse): void => this.#answer(request, response);
    server.on("request", answer);
    server.on("checkExpectation", answer);
    server.on("checkContinue", (request, response) => this.#answer(request, response, { expectsContinue: true }));
    server.on("clientError", (error, socket) => this.#broken(error, socket));
    server.on("connect", (_request: IncomingMessage, socket: Duplex) => {
      refuse(socket, problemAnswer(malformed("CONNECT is for proxies")));
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: address, port: this.#port, exclusive: true }, () => {
        server.off("error", reject);
        resolve();
      });
    });
    server.on("error", (cause) => this.#options.log.error("the server of the public port failed", { cause }));
    this.#servers.push(server);
  }

  /** Decides on a connection before its TLS handshake. */
  #admit(socket: Socket): void {
    const { connections } = this.#options;
    if (!connections.opened(addressKey(addressBytes(socket.remoteAddress ?? "")))) {
      socket.destroy();
      return;
    }
    socket.once("close", () => connections.closed());
  }

  #answer(request: IncomingMessage, response: ServerResponse, more?: { readonly expectsContinue: boolean }): void {
    this.#source.turnTo(request);
    this.#block.turnTo(this.#source);
    const context = new NodeContext({ request, response, transfers: this.#transfers, block: this.#block, ...more });
    this.#contexts.set(request.socket, context);
    const { refusal } = this.#block;
    if (request.httpVersionMajor !== 1) {
      refuse(request.socket, wrongVersion);
      return;
    }
    try {
      if (refusal === undefined) {
        if (context.path === "*") this.#answerServer(context);
        else this.#options.handle(context);
        return;
      }
      // The framing is not certain: the connection ends with the refusal.
      context.cutBody();
      sendProblem(context, refusal, this.#options);
    } catch (cause) {
      this.#options.log.error("a request broke its handler", { cause });
      context.close();
    }
  }

  /** A request about the server as a whole: OPTIONS alone has this form of a target (RFC 9112, section 3.2.4). */
  #answerServer(context: NodeContext): void {
    const isOptions = context.method === "OPTIONS";
    if (isOptions) sendAnswer(context, { status: 204, headers: {}, body: undefined }, this.#options.bodyLimitBytes);
    else sendProblem(context, malformed(`${context.method} needs a path`), this.#options);
  }

  /** Bytes that are no request, or a body that is none. */
  #broken(error: ParserError, socket: Duplex): void {
    const refusal = refusalOf(error);
    const context = this.#contexts.get(socket);
    if (refusal === undefined || !socket.writable) socket.destroy();
    else if (context !== undefined && !context.isReceived && !context.isCompleted) {
      context.cutBody();
      sendProblem(context, refusal, this.#options);
    } else if (context?.isLast !== true) {
      refuse(socket, isOtherVersion(error) ? wrongVersion : problemAnswer(refusal));
    }
  }
}

async function serverOptions({ cert, key }: KeyFiles): Promise<ServerOptions> {
  const [certificate, privateKey] = await Promise.all([readFile(cert), readFile(key)]);
  return {
    ...tlsOptions(),
    cert: certificate,
    key: privateKey,
    ALPNProtocols: ["http/1.1"],
    handshakeTimeout: headMs,
    headersTimeout: headMs,
    // Bodies have a least rate: see `Transfers`.
    requestTimeout: 0,
    keepAliveTimeout: idleMs,
    connectionsCheckingInterval: lookMs,
    maxHeaderSize: parsedHeaderBytes,
    // `HeaderBlock` checks the field, with an answer that names it.
    requireHostHeader: false,
    noDelay: true,
  };
}

/** RFC 9110, section 15.6.6. Clients of another protocol do not read problem documents. */
const wrongVersion: HttpAnswer = { status: 505, headers: {}, body: undefined };

/** What a fault of Node's parser means; undefined for a connection that is gone. */
function refusalOf({ code = "", message }: ParserError): HerdError | undefined {
  if (code === "HPE_HEADER_OVERFLOW") {
    return new HerdError("request.headers-too-large", `a request's head has at most ${maxHeaderBytes} bytes`);
  }
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return new HerdError("request.timeout", `the head of the request took longer than ${headMs / 1_000} s`);
  }
  return code.startsWith("HPE_") ? malformed(message.replace(/^Parse Error: /, "")) : undefined;
}

/** Whether a request has a version that HTTP may have, and not bytes where one should stand. */
function isOtherVersion({ code, rawPacket }: ParserError): boolean {
  return code === "HPE_INVALID_VERSION" && / HTTP\/[0-9]\.[0-9]\r\n/.test(rawPacket?.toString("latin1") ?? "");
}

function malformed(detail: string): HerdError {
  return new HerdError("request.malformed", detail);
}

/** Answers bytes that are no request, and ends the connection. */
function refuse(socket: Duplex, { status, headers, body }: HttpAnswer): void {
  const { type, body: text } = body instanceof Content ? body : { type: undefined, body: "" };
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(type === undefined ? [] : [`content-type: ${type}`]),
    `content-length: ${Buffer.byteLength(text)}`,
    "connection: close",
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${String(text)}`);
}
