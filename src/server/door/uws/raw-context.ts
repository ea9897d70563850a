// The request context of a small request, straight on uWebSockets: hyper-express' request and response cost 14 to 19
// µs.

import type { HttpResponse } from "uWebSockets.js";
import { STATUS_CODES } from "node:http";
import type { HeaderBlock } from "../../connections/header-block.js";
import type { Transfers } from "../../connections/transfers.js";
import { addressText } from "../../http/remote-address.js";
import type { AnswerStream, BodyReader, RequestContext } from "../../http/request-context.js";
import { largeResultBytes, sendPaced } from "./paced-result.js";
import { type Failures, keepAlive } from "./uws-request.js";

/** A longer body goes through hyper-express, which allocates it once. In bytes. */
const smallBodyBytes = 32_768;

/** The header block of a request, once it is read. */
export interface ReadHead {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the connection ends with the answer. */
  readonly closes: boolean;
}

/** The head of a request, read from a block that was turned to it. */
export function readHead(block: HeaderBlock): ReadHead {
  const headers: Record<string, string> = {};
  const query = block.getQuery() ?? "";
  const path = block.getUrl();
  const method = block.getMethod();
  block.forEach((name, value) => {
    headers[name] = value;
  });
  return { method, path, query, headers, closes: block.closes };
}

/** Whether a request needs nothing of hyper-express: its body is small, of known length, and comes unasked. */
export function isSmall({ headers }: ReadHead): boolean {
  return (
    headers["transfer-encoding"] === undefined &&
    headers.expect === undefined &&
    Number(headers["content-length"] ?? 0) <= smallBodyBytes
  );
}

const empty = Buffer.alloc(0);
const ignore = (): void => undefined;

/** What a {@link RawContext} is made of. */
interface RawContextOptions {
  readonly head: ReadHead;
  readonly transfers: Transfers;
  readonly failures: Failures;
}

/** One small request on uWebSockets. To be made within the callback that brought the request. */
export class RawContext implements RequestContext {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  isReceived: boolean;
  isCompleted = false;
  isInitiated = false;
  readonly #raw: HttpResponse;
  readonly #transfers: Transfers;
  readonly #failures: Failures;
  readonly #bytes: number;
  #closes: boolean;
  #body: Buffer = empty;
  #reader: BodyReader | undefined;
  #isCut = false;
  #gone: (() => void)[] | undefined;
  #closed: (() => void)[] | undefined;
  #isWatched = false;

  constructor(raw: HttpResponse, { head, transfers, failures }: RawContextOptions) {
    const { method, path, query, headers, closes } = head;
    this.#raw = raw;
    this.#transfers = transfers;
    this.#failures = failures;
    this.method = method;
    this.path = path;
    this.query = query;
    this.headers = headers;
    this.#closes = closes;
    this.#bytes = Number(headers["content-length"] ?? 0);
    this.isReceived = this.#bytes === 0;
    raw.onAborted(() => this.guard(() => this.#aborted()));
    if (!this.isReceived) raw.onData((chunk, isLast) => this.guard(() => this.#received(chunk, isLast)));
  }

  /** Calls a piece of the request's code within a callback of uWebSockets. */
  guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      const isCompleted = (): boolean => this.isCompleted;
      this.#failures.failed(
        {
          get completed() {
            return isCompleted();
          },
          close: () => this.close(),
        },
        error,
      );
    }
  }

  get remoteAddress(): string {
    return addressText(this.#raw.getRemoteAddress());
  }

  get receivedBytes(): number {
    return this.#body.length;
  }

  wholeBody(done: (body: Buffer) => void, late: () => void): void {
    this.readChunks({ chunk: ignore, ended: () => done(this.#body), failed: ignore, late });
  }

  readChunks(reader: BodyReader): void {
    if (this.#body.length > 0) reader.chunk(this.#body);
    if (this.isReceived) reader.ended();
    else this.#reader = reader;
  }

  cutBody(): void {
    this.#closes = true;
    this.#isCut = true;
    this.isReceived = true;
    this.#reader = undefined;
  }

  send(status: number, headers: Readonly<Record<string, string>>, body: string | Buffer): void {
    this.#raw.cork(() => {
      this.#writeHead(status, headers, this.#keepAlive());
      this.#raw.end(body, this.#closes);
    });
    this.#complete();
  }

  sendEmpty(status: number, headers: Readonly<Record<string, string>>): void {
    const raw = this.#raw;
    raw.cork(() => {
      this.#writeHead(status, headers, this.#closes ? "connection: close\r\n" : this.#keepAlive());
      raw.endWithoutBody();
    });
    this.#complete();
  }

  sendResult(headers: Readonly<Record<string, string>>, body: string | Buffer, sent: () => void): void {
    if (body.length < largeResultBytes) {
      this.send(200, headers, body);
      sent();
      return;
    }
    this.#raw.cork(() => {
      this.#writeHead(200, headers, this.#keepAlive());
      this.isInitiated = true;
      sendPaced(this, {
        raw: this.#raw,
        transfers: this.#transfers,
        body: typeof body === "string" ? Buffer.from(body) : body,
        done: () => this.#complete(),
        sent,
      });
    });
  }

  stream(headers: Readonly<Record<string, string>>): AnswerStream {
    const raw = this.#raw;
    raw.cork(() => this.#writeHead(200, headers));
    this.isInitiated = true;
    let waiting = 0;
    raw.onWritable(() => {
      waiting = 0;
      return true;
    });
    return {
      get waitingBytes() {
        return waiting;
      },
      write: (text) => void raw.cork(() => (waiting = raw.write(text) ? 0 : waiting + text.length)),
    };
  }

  onGone(listener: () => void): void {
    this.#gone = [...(this.#gone ?? []), listener];
  }

  onClose(listener: () => void): void {
    this.#closed = [...(this.#closed ?? []), listener];
  }

  close(): void {
    // uWebSockets throws at every use of a response that was sent.
    if (!this.isCompleted) this.#raw.close();
  }

  /**
   * Writes the head, with `ending` as its last lines. All lines are the value of the first one, since each crossing
   * into uWebSockets costs 0.1 µs.
   */
  #writeHead(status: number, headers: Readonly<Record<string, string>>, ending = ""): void {
    const raw = this.#raw;
    if (status !== 200) raw.writeStatus(`${status} ${STATUS_CODES[status]}`);
    let lines = "";
    for (const name in headers) lines += `${name}: ${headers[name]}\r\n`;
    lines += ending;
    const colon = lines.indexOf(": ");
    if (colon > 0) raw.writeHeader(lines.slice(0, colon), lines.slice(colon + 2, -2));
  }

  /** uWebSockets ends the connection by itself for a `connection` of five letters: see `HeaderBlock`. */
  #keepAlive(): string {
    const ends = this.#closes || this.headers.connection?.length === "close".length;
    return ends ? "" : `keep-alive: ${keepAlive}\r\n`;
  }

  #complete(): void {
    if (this.isCompleted) return;
    this.isCompleted = true;
    for (const listener of this.#closed ?? []) listener();
  }

  #aborted(): void {
    const wasCompleted = this.isCompleted;
    this.isCompleted = true;
    this.#reader?.failed();
    if (wasCompleted) return;
    for (const listener of [...(this.#gone ?? []), ...(this.#closed ?? [])]) listener();
  }

  #received(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.#isCut) return;
    // uWebSockets uses the memory of the chunk again.
    const piece = Buffer.from(new Uint8Array(chunk));
    this.#body = this.#body.length === 0 ? piece : Buffer.concat([this.#body, piece]);
    this.#reader?.chunk(piece);
    if (isLast) {
      this.isReceived = true;
      this.#reader?.ended();
    } else this.#watch();
  }

  /** A body that is not whole yet has to make progress from now on. */
  #watch(): void {
    if (this.#body.length === this.#bytes || this.#isWatched) return;
    this.#isWatched = true;
    this.#transfers.watch({
      bytes: () => this.#body.length,
      size: this.#bytes,
      isOver: () => this.isReceived || this.isCompleted,
      late: () => {
        if (this.#reader === undefined || this.isInitiated) this.close();
        else this.#reader.late();
      },
    });
  }
}
