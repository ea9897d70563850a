// A peer that sends any frames that a test wants on the wire, good or bad.

import { once } from "node:events";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { decodeFrame, encodeFrame, FrameReader, joinFrames } from "../../../src/mesh/transport/frame.js";
import type { TlsLeaf } from "../../../src/mesh/transport/tls-network.js";

/** One connection to a node, without the checks of our own protocol. */
export class RawPeer {
  readonly socket: TLSSocket;
  /** Messages that were received, decoded. */
  readonly received: unknown[][] = [];
  readonly closed: Promise<unknown>;

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    const reader = new FrameReader((frame) => this.received.push(decodeFrame(frame) as unknown[]));
    socket.on("data", (chunk: Buffer) => reader.push(chunk));
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => socket.once("close", resolve));
  }

  /**
   * Completes the TLS handshake with a node; without a leaf, shows no certificate. Rejects when the client's side
   * fails.
   */
  static async connect(
    options: { address: string; root: string; leaf: TlsLeaf | undefined } & ConnectionOptions,
  ): Promise<RawPeer> {
    const { address, root, leaf, ...rest } = options;
    const socket = connect({
      host: "127.0.0.1",
      port: Number(address.split(":").at(-1)),
      ca: root,
      ...(leaf === undefined ? {} : { cert: leaf.certificate, key: leaf.key }),
      ALPNProtocols: ["herd/1"],
      checkServerIdentity: () => undefined,
      ...rest,
    });
    await once(socket, "secureConnect");
    return new RawPeer(socket);
  }

  send(...messages: readonly (readonly unknown[])[]): void {
    this.socket.write(joinFrames(messages.map(encodeFrame)));
  }

  /** Completes the handshake of the protocol as this node. */
  handshake(node: string, change: object = {}): void {
    const hello = { v: 1, node, instance: "0123456789abcdef", dial: 1, address: null, url: "https://x:1", records: [] };
    this.send([0, { ...hello, ...change }], [1, 0]);
  }

  /** The reason in the node's bye. */
  get bye(): unknown {
    return this.received.find(([type]) => type === 10)?.[1];
  }
}
