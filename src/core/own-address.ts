// The address of a machine, or container, that has only one: nobody has to write it down.

import type { NetworkInterfaceInfo } from "node:os";
import { UsageError } from "./usage-error.js";

/**
 * The only IPv4 address among `interfaces` (as `os.networkInterfaces()`) besides loopback. Throws {@link UsageError},
 * naming all, when there is no one.
 */
export function ownAddress(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): string {
  const found = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === "IPv4" && !internal)
    .map(({ address }) => address);
  const [address] = found;
  if (address !== undefined && found.length === 1) return address;
  const has = found.length === 0 ? "none" : found.join(", ");
  throw new UsageError(`--advertise auto takes the machine's only address, and it has ${has}: name one`);
}
