// Why no answer came from a node, in words for people.

/** The node could not be reached. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

/**
 * A node reads a body that is a little too large to its end, and then answers. Above this size it cuts the
 * connection.
 */
const largeBytes = 8 * 1024 * 1024;

/** The error for a request to `url` that got no answer; `sent` is its body. */
export function unreachable(
  url: URL,
  { error, sent = "" }: { error: NodeJS.ErrnoException; sent?: string | Buffer | undefined },
): UnreachableError {
  const reason = reasonOf(error, { host: url.hostname, bytes: Buffer.byteLength(sent) });
  return new UnreachableError(`no answer from ${url.origin}: ${reason}`, { cause: error });
}

function reasonOf(error: NodeJS.ErrnoException, { host, bytes }: { host: string; bytes: number }): string {
  const code = error.code ?? "";
  if (/CERT|SELF_SIGNED|UNABLE_TO/.test(code)) {
    return `its certificate is not trusted (${code}): name the mesh's root with --ca`;
  }
  if (code === "ECONNREFUSED") return "nothing listens there: is the node running (herd up)?";
  if (code === "ENOTFOUND") return `no machine is known by the name ${host}`;
  if (code === "EAI_AGAIN")
    return `the name ${host} cannot be looked up now: is this machine's name service reachable?`;
  if (/ECONNRESET|EPIPE/.test(code) && bytes > largeBytes) {
    return `it closed the connection while ${bytes} bytes were sent: that is more than it takes`;
  }
  return error.message || code;
}
