// A port that can be bound, before a server binds it: the probe names the reason where it cannot.

import { type AddressInfo, createServer } from "node:net";
import { UsageError } from "../../core/usage-error.js";

/**
 * The range that is searched for a free port when any will do. The range is below the ephemeral ports (Linux from
 * 32768, others from 49152, RFC 6335 section 6): an outgoing connection could take one of those between the probe and
 * the bind.
 */
const anyPorts = { first: 20_000, count: 12_000 };
/**
 * Distance between the first ports that two processes probe: processes that start together seldom probe the same
 * port.
 */
const portsPerProcess = 16;
const portAttempts = 100;
let portsTried = 0;

/** The addresses to bind: a server binds the first address of a name alone, and localhost has two. */
export function bindAddresses(host: string): string[] {
  return host === "localhost" ? ["127.0.0.1", "::1"] : [host];
}

/**
 * The port, once every address of the host can be bound; a free port for 0. Throws {@link UsageError} with the reason
 * and with the flag that sets the port.
 */
export async function checkPort(host: string, port: number, flag = "--port"): Promise<number> {
  for (let attempt = 0; port === 0 && attempt < portAttempts; attempt++) {
    const offset = process.pid * portsPerProcess + portsTried++;
    const { first, count } = anyPorts;
    const free = await checkAddresses(host, first + (offset % count), flag).catch(() => undefined);
    if (free !== undefined) return free;
  }
  return checkAddresses(host, port, flag);
}

async function checkAddresses(host: string, port: number, flag: string): Promise<number> {
  let chosen = port;
  for (const [index, address] of bindAddresses(host).entries()) {
    try {
      chosen = await probe(address, chosen);
    } catch (error) {
      const failure = error as NodeJS.ErrnoException;
      // A machine without IPv6 has no ::1.
      const absent = failure.code === "EADDRNOTAVAIL" || failure.code === "EAFNOSUPPORT";
      if (index === 0 || !absent)
        throw new UsageError(bindFailure(failure, { address, port: chosen, flag }), { cause: error });
    }
  }
  return chosen;
}

/** Binds and releases the port; resolves to its number. */
function probe(address: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createServer();
    socket.once("error", reject);
    socket.listen({ host: address, port, exclusive: true }, () => {
      const bound = (socket.address() as AddressInfo).port;
      socket.close(() => resolve(bound));
    });
  });
}

function bindFailure(
  error: NodeJS.ErrnoException,
  { address, port, flag }: { address: string; port: number; flag: string },
): string {
  if (error.code === "EADDRINUSE") {
    return `port ${port} on ${address} is in use: stop what uses it, or choose another with ${flag}`;
  }
  if (error.code === "EACCES")
    return `port ${port} needs more rights than this user has: choose one above 1023 with ${flag}`;
  return `cannot listen on ${address}, port ${port}: ${error.message}`;
}
