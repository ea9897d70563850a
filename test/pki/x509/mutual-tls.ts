// A real TLS 1.3 handshake in which both sides show a certificate, judged as peers judge each other.

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type ConnectionOptions, connect, createServer, type TLSSocket } from "node:tls";
import { type PeerIdentity, peerIdentityOf } from "../../../src/pki/x509/peer-identity.js";

/** A certificate chain and its key, in PEM. */
export interface Credential {
  readonly certificate: string;
  readonly key: string;
}

/**
 * Whom a side saw, or why it refused: OpenSSL's code (a client has its text as well), or the message of {@link
 * peerIdentityOf}.
 */
type Judgement = { readonly peer: PeerIdentity } | { readonly refused: string };

/** What both sides said, and the CPU time of the process meanwhile. */
export interface Handshake {
  readonly server: Judgement;
  readonly client: Judgement;
  readonly cpuMs: number;
}

/** Shakes hands on loopback. `tls` goes to both sides, as for `crl`. */
export async function mutualHandshake(options: {
  ca: string;
  meshId: string;
  server: Credential;
  client: Credential | undefined;
  tls?: Pick<ConnectionOptions, "crl">;
}): Promise<Handshake> {
  const { ca, meshId, client, tls = {} } = options;
  const common = { ca, minVersion: "TLSv1.3", rejectUnauthorized: true, ALPNProtocols: ["herd/1"], ...tls } as const;
  const judged = (socket: TLSSocket): Judgement => {
    try {
      return { peer: peerIdentityOf(socket.getPeerX509Certificate()?.raw ?? Buffer.alloc(0), meshId) };
    } catch (error) {
      return { refused: (error as Error).message };
    }
  };
  const server = createServer({
    ...common,
    requestCert: true,
    cert: options.server.certificate,
    key: options.server.key,
  });
  const atServer = new Promise<Judgement>((resolve) => {
    server.on("secureConnection", (socket) => {
      resolve(judged(socket));
      socket.on("error", () => undefined);
      socket.end("hello");
    });
    server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
      // What it thought of the certificate stands at the socket; the error says that the socket was closed.
      const reason = socket.authorizationError as unknown as string | null;
      resolve({ refused: reason ?? error.code ?? error.message });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const before = process.cpuUsage();
  const socket = connect({
    ...common,
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    // A peer has no host name: its URI is looked at below.
    checkServerIdentity: () => undefined,
    ...(client === undefined ? {} : { cert: client.certificate, key: client.key }),
  });
  const atClient = new Promise<Judgement>((resolve) => {
    let seen: Judgement = { refused: "closed" };
    socket.on("secureConnect", () => {
      seen = judged(socket);
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if ("refused" in seen) seen = { refused: `${error.code ?? ""} ${error.message}`.trim() };
    });
    socket.on("close", () => resolve(seen));
    socket.resume();
  });
  try {
    const [client, server] = await Promise.all([atClient, atServer]);
    const { user, system } = process.cpuUsage(before);
    return { client, server, cpuMs: (user + system) / 1_000 };
  } finally {
    socket.destroy();
    server.close();
    await once(server, "close");
  }
}
