// The request context on Node's own server.

import type { IncomingMessage, ServerResponse } from "node:http";
import { ChunkJoiner } from "../../connections/chunk-joiner.js";
import type { HeaderBlock, HeaderSource } from "../../connections/header-block.js";
import type { Transfers } from "../../connections/transfers.js";
import { plainAddress } from "../../http/remote-address.js";
import { hasBody } from "../../http/request-body.js";
import type { AnswerStream, BodyReader, RequestContext } from "../../http/request-context.js";

/** A result from this size on, in bytes, is watched: a reader that takes a byte now and then would hold it for days. */
const largeResultBytes = 65_536;

const ignore = (): void => undefined;

/** The header block of one request after another, as Node's parser left it. */
export class NodeHeaderSource implements HeaderSource {
  #request: IncomingMessage | undefined;
  #path = "";
  #query: string | undefined;

  /** Turns to the next request. */
  turnTo(request: IncomingMessage): void {
    this.#request = request;
    // The absolute form of a target (RFC 9112, section 3.2.2) counts by its path.
    const target = (request.url ?? "").replace(/^https?:\/\/[^/?#]*/i, "");
    const mark = target.indexOf("?");
    this.#path = (mark < 0 ? target : target.slice(0, mark)) || "/";
    this.#query = mark < 0 ? undefined : target.slice(mark + 1);
  }

  getMethod(): string {
    return this.getCaseSensitiveMethod();
  }

  getCaseSensitiveMethod(): string {
    return this.#request?.method ?? "";
  }

  getUrl(): string {
    return this.#path;
  }

  getQuery(): string | undefined {
    return this.#query;
  }

  getParameter(): undefined {
    return undefined;
  }

  forEach(each: (name: string, value: string) => void): void {
    const raw = this.#request?.rawHeaders ?? [];
    for (let at = 0; at + 1 < raw.length; at += 2) each((raw[at] ?? "").toLowerCase(), raw[at + 1] ?? "");
  }
}

/** What a {@link NodeContext} is made of. */
interface NodeContextOptions {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly transfers: Transfers;
  /** The header block of the request; read at once. */
  readonly block: HeaderBlock;
  /** Whether the client waits for `100 Continue` before it sends its body (RFC 9110, section 10.1.1). */
  readonly expectsContinue?: boolean;
}

/** One request on Node's own server. */
export class NodeContext implements RequestContext {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly #options: NodeContextOptions;

  #received: boolean;
  #bytes = 0;

  constructor(options: NodeContextOptions) {
    const { block, response } = options;
    this.#options = options;
    this.method = block.getMethod();
    this.path = block.getUrl();
    this.query = block.getQuery() ?? "";
    const headers: Record<string, string> = {};
    block.forEach((name, value) => {
      headers[name] = value;
    });
    this.headers = headers;
    this.#received = !hasBody(this);
    if (block.closes) response.shouldKeepAlive = false;
    // Node would end the connection of a client that expects a sign to go on and gets none.
    if (options.expectsContinue === true && this.#received) response.writeContinue();
  }

  /** Whether the connection ends with the answer: bytes that follow are no request. */
  get isLast(): boolean {
    return !this.#options.response.shouldKeepAlive;
  }

  get remoteAddress(): string {
    return plainAddress(this.#options.request.socket.remoteAddress ?? "");
  }

  get isReceived(): boolean {
    return this.#received;
  }

  get receivedBytes(): number {
    return this.#bytes;
  }

  get isCompleted(): boolean {
    const { response } = this.#options;
    return response.writableEnded || response.destroyed;
  }

  get isInitiated(): boolean {
    return this.#options.response.headersSent;
  }

  wholeBody(done: (body: Buffer) => void, late: () => void): void {
    const { request } = this.#options;
    if (this.#received) {
      done(Buffer.alloc(0));
      return;
    }
    const announced = Number(this.headers["content-length"]);
    const chunks: Buffer[] = [];
    request.on("data", (piece: Buffer) => {
      this.#bytes += piece.length;
      chunks.push(piece);
      if (this.#bytes < announced) return;
      this.#received = true;
      done(chunks.length === 1 ? piece : Buffer.concat(chunks));
    });
    request.on("error", ignore);
    this.#expectBody(late);
  }

  readChunks({ chunk, ended, failed, late }: BodyReader): void {
    const { request } = this.#options;
    // A chunk keeps the buffer alive that it was read into: a chunk of one byte would cost 64 KiB.
    const joiner = this.headers["transfer-encoding"] === undefined ? undefined : new ChunkJoiner();

    const pass = (piece: Buffer, isLast: boolean): void => {
      if (joiner === undefined) chunk(piece);
      else for (const joined of joiner.add(bufferOf(piece), isLast)) chunk(Buffer.from(joined));
    };
    request.on("data", (piece: Buffer) => {
      this.#bytes += piece.length;
      pass(piece, false);
    });
    request.once("end", () => {
      if (joiner !== undefined) pass(Buffer.alloc(0), true);
      this.#received = true;
      ended();
    });
    request.once("error", failed);
    this.#expectBody(late);
  }

  /** Asks for the body, and watches a body that is not there already. An error of its request has to be listened to. */
  #expectBody(late: () => void): void {
    const { response, transfers, expectsContinue } = this.#options;
    if (expectsContinue === true) response.writeContinue();
    transfers.inNextTurn(() => {
      if (!this.#received && !this.isCompleted) this.#watch(late);
    });
  }

  #watch(late: () => void): void {
    const announced = Number(this.headers["content-length"]);
    this.#options.transfers.watch({
      bytes: () => this.#bytes,
      size: announced > 0 ? announced : undefined,
      isOver: () => this.#received || this.isCompleted,
      late: () => (this.isInitiated ? this.close() : late()),
    });
  }

  cutBody(): void {
    const { request, response } = this.#options;
    this.#received = true;
    request.removeAllListeners("data").removeAllListeners("end").pause();
    response.shouldKeepAlive = false;
  }

  send(status: number, headers: Readonly<Record<string, string>>, body: string | Buffer): void {
    const { response } = this.#options;
    const fields: (string | number)[] = ["content-length", Buffer.byteLength(body)];
    for (const name in headers) fields.push(name, headers[name] ?? "");
    response.writeHead(status, fields);
    response.end(body);
  }

  sendEmpty(status: number, headers: Readonly<Record<string, string>>): void {
    this.#options.response.writeHead(status, headers).end();
  }

  sendResult(headers: Readonly<Record<string, string>>, body: string | Buffer, sent: () => void): void {
    const { response, transfers } = this.#options;
    const length = Buffer.byteLength(body);
    // The memory of a result is used again, and Node sends later.
    this.send(200, headers, typeof body === "string" ? body : Buffer.from(body));
    if (length < largeResultBytes) {
      sent();
      return;
    }
    response.once("close", sent);
    transfers.watch({
      bytes: () => Math.max(0, length - response.writableLength),
      size: length,
      isOver: () => response.writableFinished || response.destroyed,
      late: () => this.close(),
    });
  }

  stream(headers: Readonly<Record<string, string>>): AnswerStream {
    const { response } = this.#options;
    response.writeHead(200, headers).flushHeaders();
    return {
      get waitingBytes() {
        return response.writableLength;
      },
      write: (text) => void response.write(text),
    };
  }

  onGone(listener: () => void): void {
    const { response } = this.#options;
    response.once("close", () => {
      if (!response.writableFinished) listener();
    });
  }

  onClose(listener: () => void): void {
    this.#options.response.once("close", listener);
  }

  close(): void {
    this.#options.request.socket.destroy();
  }
}

/** A copy of a chunk alone, without the buffer that it was read into. */
function bufferOf({ buffer, byteOffset, byteLength }: Buffer): ArrayBuffer {
  return (buffer as ArrayBuffer).slice(byteOffset, byteOffset + byteLength);
}
