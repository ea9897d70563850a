// Where a request to join came from, as far as this master can vouch for that.

import type { JoinAuthority, JoinRegistry } from "./ports.js";
import { networkOf } from "./rate-limit.js";

/** Where a request came from: the client's IP address, and the id of the node that it asked. */
export interface JoinOrigin {
  readonly address: string;
  readonly arrivedAt: string;
}

/** Judges origins at one master. */
export class JoinOrigins {
  readonly #authority: Pick<JoinAuthority, "signer">;
  readonly #registry: Pick<JoinRegistry, "node">;

  constructor(options: { authority: Pick<JoinAuthority, "signer">; registry: Pick<JoinRegistry, "node"> }) {
    this.#authority = options.authority;
    this.#registry = options.registry;
  }

  /**
   * The address that a public leaf may name: the address that this master, or another master, saw. Empty for any other
   * node, which could report whose address it likes.
   */
  vouchedAddress({ address, arrivedAt }: JoinOrigin): string {
    if (arrivedAt === this.#authority.signer.nodeId) return address;
    const relay = this.#registry.node(arrivedAt);
    return relay?.master === true && !relay.revoked ? address : "";
  }

  /**
   * The source whose attempts count together. All requests that a node which is no master passes on have that node as
   * their source, since it could report any address.
   */
  sourceOf(origin: JoinOrigin): string {
    const address = this.vouchedAddress(origin);
    return address === "" ? origin.arrivedAt : networkOf(address);
  }
}
