// A real TLS handshake between a server that has a leaf and a client that trusts a root, on loopback.

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type ConnectionOptions, checkServerIdentity, connect, createServer } from "node:tls";
import type { PublicLeaf } from "../../../src/pki/x509/public-leaf.js";

/** Shakes hands as `host`; resolves to the protocol version, rejects with the client's error. */
export async function handshake(
  leaf: Pick<PublicLeaf, "certificate" | "key">,
  options: { ca: string; host: string } & ConnectionOptions,
): Promise<string | null> {
  const { ca, host, ...rest } = options;
  const server = createServer({ cert: leaf.certificate, key: leaf.key });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect({
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    ca,
    // What a client does that dialled `host`, whether this machine resolves it or not.
    checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
    ...rest,
  });
  try {
    await once(client, "secureConnect");
    return client.getProtocol();
  } finally {
    client.destroy();
    server.close();
    await once(server, "close");
  }
}
