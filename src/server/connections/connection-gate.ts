// Decides on each connection before its TLS handshake.

/** Decides whether a connection may stay, and counts those that end; see `ConnectionCaps`. */
export interface ConnectionGate {
  /** Whether a new connection may stay; `address` is an `addressKey`. One that may not is not counted. */
  opened(address: string): boolean;
  closed(): void;
}
