// Requests from RFC 9110 and RFC 9112, with what has to come back: framing of bodies.

import { body, call, chunked, chunks, get, length, line, post, type Row, row } from "./http-rows.js";

const refused = { status: 400, connection: "closed" } as const;
const incomplete = "takes it for an incomplete head, and closes after 8 to 12 s without an answer";
const version = "answers 505 and closes";
const leftover = "reads what follows as a request: 505 and closed, and an answer on its way is lost";

/** Content-Length. */
export const lengths: readonly Row[] = [
  row(["a length and its body", "9112/6.2"], call, { status: 200 }),
  row(["a length of zero", "9112/6.2"], get("content-length: 0\r\n"), { status: 200 }),
  row(["leading zeros", "9110/8.6"], post("content-length: 0003\r\n", body), { status: 200 }),
  row(["spaces around a length", "9112/5.1"], post("content-length: \t 3 \t\r\n", body), {
    status: 200,
    node: "refuses the space behind a length",
  }),
  row(["a name in capitals", "9110/5.1"], post("CONTENT-LENGTH: 3\r\n", body), { status: 200 }),
  row(["no body, no length", "9112/6.3"], post("", "", "/v1/sign-in"), { status: [400, 401, 411] }),
  row(["GET with a body", "9110/9.3.1"], `${get(length)}[1]`, { status: [200, 400], connection: "either" }),
  row(["HEAD with a body", "9110/9.3.2"], line("HEAD /healthz HTTP/1.1", `host: a\r\n${length}`) + body, {
    status: [200, 400],
    connection: "either",
  }),
  row(["DELETE with a body", "9110/9.3.5"], line("DELETE /v1/apps/x HTTP/1.1", `host: a\r\n${length}`) + body, {
    status: 401,
  }),
  row(["OPTIONS with a body", "9110/9.3.7"], line("OPTIONS /healthz HTTP/1.1", `host: a\r\n${length}`) + body, {
    status: [200, 204],
  }),
  row(["two equal lengths", "9112/6.3"], post(length + length, body), refused),
  row(["two lengths, the first one right", "9112/6.3"], post(`${length}content-length: 2\r\n`, body), refused),
  row(
    ["two lengths, the first one larger", "9112/6.3"],
    post(`content-length: 100\r\ncontent-length: 5\r\n`, " ".repeat(100)),
    refused,
  ),
  row(["two lengths, the first one smaller", "9112/6.3"], post(`content-length: 2\r\n${length}`, body), {
    ...refused,
    uws: leftover,
  }),
  row(["two lengths in two cases", "9112/6.3"], post(`Content-Length: 3\r\ncontent-LENGTH: 3\r\n`, body), refused),
  row(["three lengths", "9112/6.3"], post(length.repeat(3), body), refused),
  row(["two lengths for a GET", "9112/6.3"], get("content-length: 0\r\ncontent-length: 0\r\n"), refused),
  row(["two lengths on an unknown path", "9112/6.3"], post(length + length, body, "/nowhere"), refused),
  row(
    ["two lengths at sign-in", "9112/6.3"],
    post("content-length: 3\r\ncontent-length: 1\r\n", body, "/v1/sign-in"),
    refused,
  ),
  row(
    ["two lengths at join", "9112/6.3"],
    post("content-length: 3\r\ncontent-length: 1\r\n", body, "/v1/join"),
    refused,
  ),
  row(["two lengths, and a second request behind them", "9112/6.3"], post(length + length, body) + get(), refused),
  row(["a list of equal lengths", "9112/6.3"], post("content-length: 3, 3\r\n", body), refused),
  row(["a list of lengths", "9112/6.3"], post("content-length: 3, 2\r\n", body), refused),
  row(["a list with one member", "9112/6.3"], post("content-length: 3,\r\n", body), refused),
  row(["a plus", "9110/8.6"], post("content-length: +3\r\n", body), refused),
  row(["a minus", "9110/8.6"], post("content-length: -3\r\n", body), refused),
  row(["minus zero", "9110/8.6"], get("content-length: -0\r\n"), refused),
  row(["hexadecimal", "9110/8.6"], post("content-length: 0x3\r\n", body), refused),
  row(["an exponent", "9110/8.6"], post("content-length: 3e0\r\n", body), refused),
  row(["a fraction", "9110/8.6"], post("content-length: 3.0\r\n", body), refused),
  row(["a space within", "9110/8.6"], post("content-length: 3 3\r\n", body), refused),
  row(["quotes", "9110/8.6"], post('content-length: "3"\r\n', body), refused),
  row(["letters", "9110/8.6"], post("content-length: three\r\n", body), refused),
  row(["an underscore", "9110/8.6"], post("content-length: 1_0\r\n", body), refused),
  row(["an empty length", "9110/8.6"], get("content-length:\r\n"), refused),
  row(["an empty length before a body", "9110/8.6"], post("content-length:\r\n", body), {
    ...refused,
    uws: leftover,
  }),
  row(["a length of 16 digits", "9112/6.3"], post("content-length: 9007199254740993\r\n", body), {
    status: [400, 413],
    connection: "closed",
  }),
  row(["a length of 40 digits", "9112/6.3"], post(`content-length: ${"9".repeat(40)}\r\n`, body), {
    status: [400, 413],
    connection: "closed",
  }),
  row(["2 to the 64th", "9112/6.3"], post("content-length: 18446744073709551616\r\n", body), {
    status: [400, 413],
    connection: "closed",
  }),
  row(["2 to the 32nd, and 10 bytes", "9110/15.5.14"], post("content-length: 4294967296\r\n", "0123456789"), {
    status: 413,
    connection: "closed",
  }),
  row(["7 MB announced, 10 bytes sent", "9110/15.5.14"], post("content-length: 7000000\r\n", "0123456789"), {
    status: 413,
    connection: "closed",
  }),
  row(["a refusal does not wait for its body", "9112/9.6"], post("content-length: 9\r\n", body, "/v1/tokens"), {
    status: 401,
    connection: "closed",
  }),
  row(["a body longer than its length", "9112/6.2"], post("content-length: 3\r\n", "[1]x", "/v1/tokens"), {
    status: [400, 401],
    connection: "either",
    uws: leftover,
  }),
];

/** Transfer-Encoding. */
export const codings: readonly Row[] = [
  row(["chunked", "9112/7.1"], chunked(chunks), { status: 200 }),
  row(["Chunked", "9112/7"], chunked(chunks, "transfer-encoding: Chunked\r\n"), { status: 200 }),
  row(["CHUNKED", "9112/7"], chunked(chunks, "Transfer-Encoding: CHUNKED\r\n"), { status: 200 }),
  row(["spaces around chunked", "9112/5.1"], chunked(chunks, "transfer-encoding: \tchunked \r\n"), { status: 200 }),
  row(["two chunks", "9112/7.1"], chunked("1\r\n[\r\n2\r\n1]\r\n0\r\n\r\n"), { status: 200 }),
  row(["a size in capitals", "9112/7.1"], chunked(`B\r\n[1         \r\n1\r\n]\r\n0\r\n\r\n`), { status: 200 }),
  row(["zeros before a size", "9112/7.1"], chunked("0003\r\n[1]\r\n000\r\n\r\n"), { status: 200 }),
  row(["chunks in records of their own", "9112/7.1"], [chunked(""), "3\r\n", "[1]", "\r\n0", "\r\n\r\n"], {
    status: 200,
  }),
  row(["no byte but the end", "9112/7.1"], chunked("0\r\n\r\n"), { status: [200, 400] }),
  row(["chunked on an unknown path", "9112/7.1"], post("transfer-encoding: chunked\r\n", chunks, "/nowhere"), {
    status: 404,
  }),
  row(["chunked without an end", "9112/8"], post("transfer-encoding: chunked\r\n", "5\r\n012", "/nowhere"), {
    status: [400, 404],
    connection: "closed",
  }),
  row(["chunked with a GET", "9112/6.3"], get("transfer-encoding: chunked\r\n") + chunks, {
    status: [200, 400],
    connection: "either",
  }),
  row(["an extension", "9112/7.1.1"], chunked("3;a=b\r\n[1]\r\n0\r\n\r\n"), {
    status: 200,
    uws: "takes `;` and `=` for digits of the size, and waits for the rest: 408",
  }),
  row(["an extension behind a space", "9112/7.1.1"], chunked("3 ;a\r\n[1]\r\n0\r\n\r\n"), {
    status: 200,
    node: "refuses it",
  }),
  row(["an extension of the last chunk", "9112/7.1.1"], chunked("3\r\n[1]\r\n0 ;a=b\r\n\r\n"), {
    status: 200,
    node: "refuses it",
  }),
  row(["a trailer", "9112/7.1.2"], chunked("3\r\n[1]\r\n0\r\nx-sum: 1\r\n\r\n"), { status: 200, uws: leftover }),
  row(["a trailer and a request", "9112/7.1.2"], chunked("3\r\n[1]\r\n0\r\nx: 1\r\n\r\n") + get(), {
    status: 200,
    answers: 2,
    uws: leftover,
  }),
  row(["a size that is no number", "9112/7.1"], chunked("zz\r\n[1]\r\n0\r\n\r\n"), refused),
  row(["a size with a sign", "9112/7.1"], chunked("+3\r\n[1]\r\n0\r\n\r\n"), refused),
  row(["a size with 0x", "9112/7.1"], chunked("0x3\r\n[1]\r\n0\r\n\r\n"), refused),
  row(["a size of g", "9112/7.1"], chunked("g\r\n[1]\r\n0\r\n\r\n"), {
    ...refused,
    uws: "takes `g` for the digit 16",
  }),
  row(["a size of a colon", "9112/7.1"], chunked(":\r\n[1]       \r\n0\r\n\r\n"), {
    ...refused,
    uws: "takes `:` for the digit 10",
  }),
  row(["a size of 17 digits", "9112/7.1"], chunked(`${"f".repeat(17)}\r\n[1]\r\n0\r\n\r\n`), refused),
  row(["data longer than its size", "9112/7.1"], chunked("2\r\n[1]]\r\n0\r\n\r\n"), {
    ...refused,
    uws: "skips two bytes behind the data, whatever they are",
  }),
  row(["bare line feeds in chunks", "9112/2.2"], chunked("3\n[1]\r\n0\r\n\r\n"), {
    ...refused,
    uws: "takes a bare LF for the end of a size",
  }),
  row(["both fields", "9112/6.1"], chunked(chunks, `${length}transfer-encoding: chunked\r\n`), refused),
  row(
    ["both fields, the length last", "9112/6.1"],
    chunked(chunks, `transfer-encoding: chunked\r\n${length}`),
    refused,
  ),
  row(
    ["both fields, with capitals", "9112/6.1"],
    chunked(chunks, `Content-Length: 3\r\nTransfer-Encoding: Chunked\r\n`),
    refused,
  ),
  row(
    ["both fields, a length of zero", "9112/6.1"],
    chunked(chunks, "content-length: 0\r\ntransfer-encoding: chunked\r\n"),
    refused,
  ),
  row(["a length and identity", "9112/6.1"], post(`${length}transfer-encoding: identity\r\n`, body), refused),
  ...[
    ["identity", "identity"],
    ["an unknown coding", "x"],
    ["gzip alone", "gzip"],
    ["gzip, then chunked", "gzip, chunked"],
    ["chunked twice", "chunked, chunked"],
    ["chunked not last", "chunked, gzip"],
    ["chunked in a list with identity", "chunked, identity"],
    ["chunked with a parameter", "chunked;q=1"],
    ["chunked in quotes", '"chunked"'],
    ["chunked misspelt", "chunke"],
    ["chunked with a letter more", "xchunked"],
    ["chunked with a comma", ",chunked"],
  ].map(([name, value]) =>
    row([name ?? "", "9112/6.1"], chunked(chunks, `transfer-encoding: ${value}\r\n`), {
      status: [400, 501],
      connection: "closed",
    }),
  ),
  row(["two Transfer-Encoding fields", "9112/6.1"], chunked(chunks, "transfer-encoding: chunked\r\n".repeat(2)), {
    status: [400, 501],
    connection: "closed",
  }),
  row(["an unknown coding for a GET", "9112/6.1"], get("transfer-encoding: x\r\n") + chunks, {
    status: [400, 501],
    connection: "closed",
  }),
  row(["an unknown coding on an unknown path", "9112/6.1"], post("transfer-encoding: x\r\n", chunks, "/nowhere"), {
    status: [400, 501],
    connection: "closed",
  }),
  row(["an empty coding", "9112/6.1"], chunked(chunks, "transfer-encoding:\r\n"), {
    status: [400, 501],
    connection: "closed",
    uws: leftover,
  }),
];

export { incomplete, leftover, refused, version };
