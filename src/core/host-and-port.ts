// An address as URLs and peers write it.

/** `HOST:PORT`, with the brackets that an IPv6 address needs (RFC 3986, section 3.2.2). */
export function hostAndPort(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
