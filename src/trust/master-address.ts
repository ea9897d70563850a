// The address record of a master: where peers and clients reach it.

import type { Clock } from "../core/clock.js";
import { encodeSigned } from "../core/signed.js";
import type { Publish } from "../mesh/ports.js";
import type { Identity } from "../pki/identity/identity.js";
import { payloadText } from "../pki/registry/records.js";
import type { Registry } from "../pki/registry/registry.js";

/** Where this node is reached: HTTPS address, and the `HOST:PORT` that peers dial. */
interface OwnAddress {
  readonly identity: Pick<Identity, "nodeId" | "meshId" | "signer">;
  readonly url: string;
  readonly peer: string;
  readonly clock: Clock;
}

/** Publishes a master's address when the mesh has none of it, or another one. */
export async function publishMasterAddress(
  { identity, url, peer, clock }: OwnAddress,
  { registry, publish }: { readonly registry: Pick<Registry, "masters">; readonly publish: Publish },
): Promise<void> {
  const { nodeId: node, meshId, signer } = identity;
  const known = registry.masters().find((master) => master.node === node);
  if (known === undefined || (known.url === url && known.peer === peer)) return;
  const payload = payloadText({ kind: "address", mesh: meshId, node, url, peer, at: clock.now() });
  await publish("address", encodeSigned(signer.sign(payload)));
}
