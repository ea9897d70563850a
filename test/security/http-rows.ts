// What a row of the HTTP table is, and short ways to write one.

/** A raw request, and what RFC 9110 and RFC 9112 want to come of it, whatever server is behind the socket. */
export interface Row {
  readonly name: string;
  /** The section that says so: `9112/6.3` is section 6.3 of RFC 9112. */
  readonly rfc: string;
  /** Bytes as Latin-1; several strings are sent apart, each in a TLS record of its own. */
  readonly send: string | readonly string[];
  /** Statuses that are right for the first answer that is not 1xx. */
  readonly status: readonly number[];
  /** Whether another request is answered on the connection then. `either`: the RFCs leave it open. */
  readonly connection: "kept" | "closed" | "either";
  /** How many answers there are; 1 when not given. */
  readonly answers?: number;
  /** How the parser of a front door decides the row before our code sees it, when it does. */
  readonly uws?: string;
  readonly node?: string;
}

type Connection = Row["connection"];

/** A row with one right status. */
export function row(
  [name, rfc]: readonly [string, string],
  send: Row["send"],
  {
    status,
    connection = "kept",
    ...more
  }: { status: number | readonly number[]; connection?: Connection; answers?: number; uws?: string; node?: string },
): Row {
  return { name, rfc, send, status: typeof status === "number" ? [status] : status, connection, ...more };
}

/** A GET with these field lines beside Host. */
export function get(fields = "", target = "/healthz"): string {
  return line(`GET ${target} HTTP/1.1`, `host: localhost\r\n${fields}`);
}

/** A request of any method without a body. */
export function line(requestLine: string, fields = "host: localhost\r\n"): string {
  return `${requestLine}\r\n${fields}\r\n`;
}

/** A call with these field lines and this body, as it stands. */
export function post(fields: string, body: string, target = "/fn/calc/echo"): string {
  return `POST ${target} HTTP/1.1\r\nhost: localhost\r\n${fields}\r\n${body}`;
}

/** A call's body of 3 bytes, and the field that announces it. */
export const body = "[1]";
/** See {@link body}. */
export const length = "content-length: 3\r\n";
/** A call with that body. */
export const call = post(length, body);

/** A call whose body comes in chunks, written as they stand. */
export function chunked(chunks: string, fields = "transfer-encoding: chunked\r\n"): string {
  return post(fields, chunks);
}

/** That body as one chunk and the end. */
export const chunks = "3\r\n[1]\r\n0\r\n\r\n";
