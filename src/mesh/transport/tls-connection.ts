// A connection over one TLS socket: frames in, frames out.

import type { TLSSocket } from "node:tls";
import type { Connection, ConnectionEvents, PeerIdentity } from "../ports.js";
import { FrameError, FrameReader, joinFrames, lengthBytes } from "./frame.js";

/** How long a peer may take to read the last bytes after a close, ms; then the socket is destroyed. */
const closeMs = 2_000;
/** A frame of this size is written on its own; smaller frames of one turn are copied into one write. */
const largeFrameBytes = 64 * 1024;

/** A connection over a socket whose TLS handshake is over and whose peer is known. */
export class TlsConnection implements Connection {
  readonly peer: PeerIdentity;
  readonly ownNotAfter: number;
  readonly remote: string;
  readonly #socket: TLSSocket;
  #events: ConnectionEvents | undefined;
  /** Frames of this turn. */
  #batch: Uint8Array[] = [];
  #batchBytes = 0;
  #isClosing = false;
  #reason = "the peer closed the connection";

  constructor(socket: TLSSocket, identities: { readonly peer: PeerIdentity; readonly ownNotAfter: number }) {
    this.#socket = socket;
    this.peer = identities.peer;
    this.ownNotAfter = identities.ownNotAfter;
    this.remote = `${socket.remoteAddress ?? ""}:${socket.remotePort ?? ""}`;
  }

  get queuedBytes(): number {
    return this.#batchBytes + this.#socket.writableLength;
  }

  get receivedBytes(): number {
    return this.#socket.bytesRead;
  }

  receive(events: ConnectionEvents): void {
    this.#events = events;
    const reader = new FrameReader((frame) => {
      if (!this.#isClosing) events.frame(frame);
    });
    this.#socket.on("data", (chunk: Buffer) => {
      // A socket that ends must still be read to its end; these bytes are dropped.
      if (this.#isClosing) return;
      try {
        reader.push(chunk);
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        this.close(error.message, { abrupt: true });
      }
    });
    this.#socket.on("drain", () => events.drained());
  }

  /** Watches the socket's errors and end; to be called in the turn of the event loop in which the socket came. */
  watch(): void {
    this.#socket.on("error", (error: NodeJS.ErrnoException) => {
      if (!this.#isClosing) this.#reason = `the connection broke (${error.code ?? error.message})`;
    });
    this.#socket.on("close", () => this.#events?.closed(this.#reason));
  }

  send(frame: Uint8Array): boolean {
    if (this.#isClosing) return false;
    if (this.#batch.push(frame) === 1) process.nextTick(() => this.#flush());
    this.#batchBytes += lengthBytes + frame.length;
    return !this.#socket.writableNeedDrain;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (this.#socket.isPaused()) this.#socket.resume();
  }

  close(reason: string, options: { readonly abrupt?: boolean } = {}): void {
    if (options.abrupt !== true && !this.#isClosing) {
      this.#flush();
      this.#socket.end();
      const timer = setTimeout(() => this.#socket.destroy(), closeMs).unref();
      this.#socket.once("close", () => clearTimeout(timer));
      this.#socket.resume();
    }
    if (!this.#isClosing) this.#reason = reason;
    this.#isClosing = true;
    if (options.abrupt === true) this.#socket.destroy();
  }

  #flush(): void {
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    this.#batchBytes = 0;
    if (this.#socket.destroyed) return;
    let small: Uint8Array[] = [];
    for (const frame of batch) {
      if (frame.length < largeFrameBytes) {
        small.push(frame);
        continue;
      }
      const length = Buffer.allocUnsafe(lengthBytes);
      length.writeUInt32BE(frame.length);
      this.#socket.write(small.length === 0 ? length : Buffer.concat([joinFrames(small), length]));
      this.#socket.write(frame);
      small = [];
    }
    if (small.length > 0) this.#socket.write(joinFrames(small));
  }
}
