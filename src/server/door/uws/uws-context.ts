// The request context on uWebSockets, by hyper-express' request and response.

import { STATUS_CODES } from "node:http";
import { Writable } from "node:stream";
import { addressText } from "../../http/remote-address.js";
import type { AnswerStream, BodyReader, RequestContext } from "../../http/request-context.js";
import { largeResultBytes, sendPaced } from "./paced-result.js";
import type { UwsRequest, UwsResponse } from "./uws-request.js";

/** One request on uWebSockets. */
export class UwsContext implements RequestContext {
  readonly #request: UwsRequest;
  readonly #response: UwsResponse;

  constructor(request: UwsRequest, response: UwsResponse) {
    this.#request = request;
    this.#response = response;
  }

  get method(): string {
    return this.#request.method;
  }

  get path(): string {
    return this.#request.path;
  }

  get query(): string {
    // Without a question mark hyper-express gives undefined, in spite of its types.
    return (this.#request.path_query as string | undefined) ?? "";
  }

  get headers(): Readonly<Record<string, string | undefined>> {
    return this.#request.headers;
  }

  get remoteAddress(): string {
    return addressText(this.#response.raw.getRemoteAddress());
  }

  get isReceived(): boolean {
    return this.#request.received;
  }

  get receivedBytes(): number {
    return this.#request.receivedBytes;
  }

  get isCompleted(): boolean {
    return this.#response.completed;
  }

  get isInitiated(): boolean {
    return this.#response.initiated;
  }

  wholeBody(done: (body: Buffer) => void, late: () => void): void {
    this.#request.late = late;
    void this.#request._body_parser_get_received_data().then(({ buffer, byteOffset, byteLength }) => {
      done(Buffer.from(buffer, byteOffset, byteLength));
    });
  }

  readChunks({ chunk, ended, failed, late }: BodyReader): void {
    const sink = new Writable({
      write(piece: Buffer, _encoding, next) {
        chunk(piece);
        next();
      },
      // hyper-express ends the stream of a client that disconnected as if the body were whole.
      final(next) {
        ended();
        next();
      },
    });
    this.#request.late = late;
    // Without a listener, an error of the stream would end the process.
    this.#request.once("error", failed);
    this.#request.pipe(sink);
  }

  cutBody(): void {
    this.#response.closes = true;
    this.#request._body_parser_stop();
    this.#request.received = true;
  }

  send(status: number, headers: Readonly<Record<string, string>>, body: string | Buffer): void {
    const response = this.#response;
    response.status(status);
    for (const name in headers) response.header(name, headers[name] ?? "", true);
    response.send(body);
  }

  /**
   * Past hyper-express, whose own answer without a body announces 2^63 bytes, or waits for a body: hyper-express 6.17
   * passes `undefined` where uWebSockets 3.0 reads a number.
   */
  sendEmpty(status: number, headers: Readonly<Record<string, string>>): void {
    const response = this.#response;
    if (response.completed) return;
    // This must be set first: after the end, uWebSockets throws at every use of the raw response.
    response.completed = true;
    const { raw } = response;
    const kept = response.keptAlive;
    raw.cork(() => {
      raw.writeStatus(`${status} ${STATUS_CODES[status]}`);
      for (const name in headers) raw.writeHeader(name, headers[name] ?? "");
      // With an argument of `endWithoutBody`, uWebSockets would write a length. After `close`, the client ends the
      // connection, or uWebSockets does so after 10 s.
      if (response.closes) raw.writeHeader("connection", "close");
      else if (kept !== undefined) raw.writeHeader("keep-alive", kept);
      raw.endWithoutBody();
    });
  }

  /** Writes straight to uWebSockets: hyper-express would keep each header in a dictionary first. */
  sendResult(headers: Readonly<Record<string, string>>, body: string | Buffer, sent: () => void): void {
    const response = this.#response;
    response.atomic(() => {
      const { raw } = response;
      for (const name in headers) raw.writeHeader(name, headers[name] ?? "");
      if (body.length >= largeResultBytes && this.#request.received) {
        const kept = response.keptAlive;
        if (kept !== undefined) raw.writeHeader("keep-alive", kept);
        sendPaced(this, {
          raw,
          transfers: this.#request.transfers,
          body: typeof body === "string" ? Buffer.from(body) : body,
          done: () => {
            response.completed = true;
          },
          sent,
        });
      } else {
        response.send(body);
        sent();
      }
    });
  }

  stream(headers: Readonly<Record<string, string>>): AnswerStream {
    const response = this.#response;
    for (const name in headers) response.header(name, headers[name] ?? "", true);
    return {
      get waitingBytes() {
        return response.writableLength;
      },
      write: (text) => void response.write(text),
    };
  }

  /** The listener costs the response a stream: too much for the hot path. */
  onGone(listener: () => void): void {
    this.#response.once("abort", listener);
  }

  onClose(listener: () => void): void {
    this.#response.once("close", listener);
  }

  close(): void {
    this.#response.close();
  }
}
