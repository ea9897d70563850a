// Requests from RFC 9110 and RFC 9112, with what has to come back: request lines, fields, connections.

import { body, call, get, length, line, post, type Row, row } from "./http-rows.js";
import { incomplete, leftover, refused, version } from "./http-table.js";

/** Node's parser. */
const methods = "knows a list of methods; another one ends the connection";
const unknown = { status: [405, 501] } as const;
const tooLarge = { status: 431, connection: "closed" } as const;

/** Request lines: method, target, version. */
export const requestLines: readonly Row[] = [
  row(["GET", "9110/9.3.1"], get(), { status: 200 }),
  row(["HEAD", "9110/9.3.2"], line("HEAD /healthz HTTP/1.1"), { status: 200 }),
  row(["HEAD of what is not there", "9110/9.3.2"], line("HEAD /nowhere HTTP/1.1"), { status: 404 }),
  row(["HEAD where only POST is", "9110/9.3.2"], line("HEAD /v1/sign-in HTTP/1.1"), { status: 405 }),
  row(["OPTIONS", "9110/9.3.7"], line("OPTIONS /healthz HTTP/1.1"), { status: [200, 204] }),
  row(["POST where only GET is", "9110/15.5.6"], post("content-length: 0\r\n", "", "/healthz"), { status: 405 }),
  row(["PUT where only GET is", "9110/15.5.6"], line("PUT /healthz HTTP/1.1"), { status: 405 }),
  row(["PATCH where only GET is", "9110/15.5.6"], line("PATCH /healthz HTTP/1.1"), { status: 405 }),
  row(["TRACE", "9110/9.3.8"], line("TRACE /healthz HTTP/1.1"), unknown),
  row(["an unknown method", "9110/9.1"], line("FOO /healthz HTTP/1.1"), { ...unknown, node: methods }),
  row(["an unknown method on an unknown path", "9110/9.1"], line("FOO /nowhere HTTP/1.1"), {
    status: [404, 405, 501],
    node: methods,
  }),
  row(["a method in small letters", "9110/9.1"], line("get /healthz HTTP/1.1"), {
    status: [400, 405, 501],
    node: methods,
  }),
  row(["a long method", "9110/9.1"], line(`${"A".repeat(200)} /healthz HTTP/1.1`), {
    status: [400, 405, 501],
    connection: "either",
  }),
  row(["a method that is no token", "9110/9.1"], line("GE(T /healthz HTTP/1.1"), { ...refused }),
  row(["a method with an at sign", "9110/9.1"], line("G@T /healthz HTTP/1.1"), { ...refused }),
  row(["CONNECT to a path", "9110/9.3.6"], line("CONNECT /healthz HTTP/1.1"), {
    status: [400, 405, 501],
    connection: "either",
  }),
  row(["CONNECT", "9110/9.3.6"], line("CONNECT localhost:443 HTTP/1.1"), {
    status: [400, 405, 501],
    connection: "either",
    uws: version,
  }),
  row(["an absolute target", "9112/3.2.2"], line("GET https://localhost/healthz HTTP/1.1"), {
    status: 200,
    uws: version,
  }),
  row(["OPTIONS *", "9112/3.2.4"], line("OPTIONS * HTTP/1.1"), { status: [200, 204], uws: version }),
  row(["GET *", "9112/3.2.4"], line("GET * HTTP/1.1"), { status: 400, connection: "either", uws: version }),
  row(["no slash", "9112/3.2.1"], line("GET healthz HTTP/1.1"), { status: 400, connection: "either", uws: version }),
  row(["a fragment", "9112/3.2"], get("", "/healthz#x"), { status: 400, connection: "either" }),
  row(["a fragment behind a query", "9112/3.2"], get("", "/healthz?a=1#x"), { status: 400, connection: "either" }),
  row(["a query", "9112/3.2.1"], get("", "/healthz?a=1&b=%20"), { status: 200 }),
  row(["an empty query", "9112/3.2.1"], get("", "/healthz?"), { status: 200 }),
  row(["an escape that is none", "3986/2.1"], get("", "/v1/apps/%zz"), {
    status: [400, 401, 404],
    connection: "either",
  }),
  row(["an escape that is not UTF-8", "3986/2.1"], get("", "/fn/%ff/x"), { status: [400, 404], connection: "either" }),
  row(["a byte above 127 in a path", "9112/3.2"], get("", "/health\xe9"), { status: 400, connection: "either" }),
  row(["angle brackets in a path", "9112/3.2"], get("", "/<healthz>"), { status: 400, connection: "either" }),
  row(["a backslash in a path", "9112/3.2"], get("", "/a\\b"), { status: 400, connection: "either" }),
  row(["a quote in a path", "9112/3.2"], get("", '/a"b'), { status: 400, connection: "either" }),
  row(["a control character in a path", "9112/3.2"], get("", "/heal\x01thz"), { ...refused, uws: version }),
  row(["NUL in a path", "9112/3.2"], get("", "/heal\0thz"), { ...refused, uws: version }),
  row(["a tab in a path", "9112/3.2"], get("", "/heal\tthz"), { ...refused, uws: version }),
  row(["a space in a path", "9112/3.2"], get("", "/heal thz"), { ...refused, uws: version }),
  row(["two slashes", "9112/3.2.1"], get("", "//healthz"), { status: [200, 404] }),
  row(["dots", "3986/5.2.4"], get("", "/../healthz"), { status: [200, 404] }),
  row(["a long query", "9112/3"], get("", `/healthz?${"a".repeat(8_000)}`), { status: 200 }),
  row(["a target of 20 KB", "9110/15.5.15"], get("", `/healthz?${"a".repeat(20_000)}`), {
    status: [414, 431],
    connection: "either",
  }),
  row(["HTTP/1.0", "9112/2.3"], line("GET /healthz HTTP/1.0"), { status: [200, 505], connection: "closed" }),
  row(["HTTP/1.2", "9110/2.5"], line("GET /healthz HTTP/1.2"), { status: [200, 505], connection: "either" }),
  row(["HTTP/2.0", "9110/15.6.6"], line("GET /healthz HTTP/2.0"), { status: 505, connection: "closed" }),
  row(["HTTP/3.0", "9110/15.6.6"], line("GET /healthz HTTP/3.0"), { status: 505, connection: "closed" }),
  row(["HTTP/0.9", "9110/15.6.6"], "GET /healthz\r\n\r\n", { status: [400, 505], connection: "closed" }),
  row(["a version in small letters", "9112/2.3"], line("GET /healthz http/1.1"), {
    status: [400, 505],
    connection: "closed",
  }),
  row(["a version with three digits", "9112/2.3"], line("GET /healthz HTTP/1.10"), {
    status: [400, 505],
    connection: "closed",
  }),
  row(["another protocol", "9112/2.3"], line("GET /healthz HTP/1.1"), { status: [400, 505], connection: "closed" }),
  row(["the preface of HTTP/2", "9113/3.4"], "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {
    status: [400, 505],
    connection: "closed",
  }),
  row(["two spaces behind the method", "9112/3"], line("GET  /healthz HTTP/1.1"), {
    ...refused,
    uws: version,
    node: "takes several spaces for one",
  }),
  row(["a space behind the version", "9112/3"], line("GET /healthz HTTP/1.1 "), { ...refused, uws: version }),
  row(["a tab behind the method", "9112/3"], line("GET\t/healthz HTTP/1.1"), { ...refused, uws: version }),
  row(["an empty line first", "9112/2.2"], `\r\n${get()}`, {
    status: [200, 400],
    connection: "either",
    uws: version,
  }),
  row(["bare line feeds", "9112/2.2"], "GET /healthz HTTP/1.1\nhost: a\n\n", {
    status: [200, 400],
    connection: "either",
    uws: version,
  }),
  row(["no request at all", "9112/3"], "hello\r\n\r\n", { ...refused, uws: version }),
  row(["bytes of another protocol", "9112/3"], "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", { ...refused, uws: version }),
  row(["a request line within two records", "9112/2.2"], ["GET /heal", "thz HTTP/1.1\r\nhost: a\r\n\r\n"], {
    status: 200,
    uws: "answers 505 (uWebSockets issue 1776)",
  }),
  row(["a version within two records", "9112/2.2"], ["GET /healthz HTTP/1", ".1\r\nhost: a\r\n\r\n"], {
    status: 200,
    uws: "answers 505 (uWebSockets issue 1776)",
  }),
  row(["a method within two records", "9112/2.2"], ["GE", "T /healthz HTTP/1.1\r\nhost: a\r\n\r\n"], { status: 200 }),
];

/** Field lines. */
export const fields: readonly Row[] = [
  row(["no Host", "9112/3.2"], line("GET /healthz HTTP/1.1", "accept: */*\r\n"), refused),
  row(["no field at all", "9112/3.2"], "GET /healthz HTTP/1.1\r\n\r\n", { ...refused, uws: incomplete }),
  row(["no Host on an unknown path", "9112/3.2"], line("GET /nowhere HTTP/1.1", "accept: */*\r\n"), refused),
  row(["two Hosts", "9112/3.2"], get("host: localhost\r\n"), refused),
  row(["two Hosts on an unknown path", "9112/3.2"], get("host: b\r\n", "/nowhere"), refused),
  row(["an empty Host", "9112/3.2"], line("GET /healthz HTTP/1.1", "host:\r\n"), {
    status: [200, 400],
    connection: "either",
  }),
  row(["a Host with a port", "9112/3.2"], line("GET /healthz HTTP/1.1", "host: localhost:8443\r\n"), { status: 200 }),
  row(["a Host that is an address", "9112/3.2"], line("GET /healthz HTTP/1.1", "host: 127.0.0.1:1\r\n"), {
    status: 200,
  }),
  row(["a Host that is an IPv6 address", "9112/3.2"], line("GET /healthz HTTP/1.1", "host: [::1]:1\r\n"), {
    status: 200,
  }),
  row(["a Host with a space", "9112/3.2"], line("GET /healthz HTTP/1.1", "host: a b\r\n"), refused),
  row(["a Host with a slash", "9112/3.2"], line("GET /healthz HTTP/1.1", "host: a/b\r\n"), refused),
  row(["a Host with a user", "9112/3.2"], line("GET /healthz HTTP/1.1", "host: u@a\r\n"), refused),
  row(["a Host with a port that is none", "9112/3.2"], line("GET /healthz HTTP/1.1", "host: a:b\r\n"), refused),
  row(["a Host that is a list", "9112/3.2"], line("GET /healthz HTTP/1.1", "host: a, b c\r\n"), refused),
  row(["two Hosts, and a second request behind them", "9112/9.6"], get("host: b\r\n") + get(), refused),
  row(["a folded line", "9112/5.2"], get("x: a\r\n b\r\n"), { ...refused, uws: incomplete }),
  row(["a folded line first", "9112/2.2"], line("GET /healthz HTTP/1.1", " host: a\r\n"), {
    ...refused,
    uws: incomplete,
  }),
  row(["NUL in a value", "9110/5.5"], get("x: a\0b\r\n"), { ...refused, uws: incomplete }),
  row(["a control character in a value", "9110/5.5"], get("x: a\x01b\r\n"), { ...refused, uws: incomplete }),
  row(["DEL in a value", "9110/5.5"], get("x: a\x7fb\r\n"), refused),
  row(["a bare CR in a value", "9112/2.2"], get("x: a\rb\r\n"), { ...refused, uws: incomplete }),
  row(["a bare LF in a value", "9112/2.2"], get("x: a\ny: b\r\n"), {
    status: [200, 400],
    connection: "either",
    uws: incomplete,
  }),
  row(["a tab in a value", "9110/5.5"], get("x: a\tb\r\n"), { status: 200 }),
  row(["a byte above 127 in a value", "9110/5.5"], get("x: a\xe9b\r\n"), { status: 200 }),
  row(["an empty value", "9110/5.5"], get("x:\r\n"), { status: 200 }),
  row(["a value of spaces", "9112/5.1"], get("x:   \t \r\n"), { status: 200 }),
  row(["a colon in a value", "9110/5.5"], get("x: a:b\r\n"), { status: 200 }),
  row(["a space before the colon", "9112/5.1"], get("x : a\r\n"), { ...refused, uws: incomplete }),
  row(["a space before a length's colon", "9112/5.1"], post("content-length : 3\r\n", body), {
    ...refused,
    uws: incomplete,
  }),
  row(["a name with a bracket", "9110/5.6.2"], get("x(y: a\r\n"), { ...refused, uws: incomplete }),
  row(["a name with a space", "9110/5.1"], get("x y: a\r\n"), { ...refused, uws: incomplete }),
  row(["a name with a byte above 127", "9110/5.1"], get("x\xe9: a\r\n"), { ...refused, uws: incomplete }),
  row(["an empty name", "9110/5.1"], get(": a\r\n"), {
    ...refused,
    uws: "takes an empty name for the end of the fields, and answers as if nothing followed",
  }),
  row(["no colon", "9112/5"], get("abc\r\n"), { ...refused, uws: incomplete }),
  row(["every sign of a token in a name", "9110/5.6.2"], get("x!#$%&'*+.^_`|~9: a\r\n"), {
    status: 200,
    uws: incomplete,
  }),
  row(["a name of an object's prototype", "9110/5.1"], get("constructor: a\r\n"), { status: 200 }),
  row(
    ["two Content-Types", "9110/5.3"],
    post(`${length}content-type: text/plain\r\ncontent-type: application/json\r\n`, body),
    {
      status: 400,
      connection: "either",
    },
  ),
  row(["two tokens", "9110/5.3"], get("authorization: Bearer a\r\nauthorization: Bearer b\r\n", "/v1/apps"), {
    status: [400, 401],
    connection: "either",
  }),
  row(["two Accepts", "9110/5.3"], get("accept: text/plain\r\naccept: */*\r\n"), { status: 200 }),
  row(["60 field lines", "9110/5.4"], get("x: a\r\n".repeat(59)), { status: 200 }),
  row(["70 field lines", "9110/5.4"], get("x: a\r\n".repeat(70)), tooLarge),
  row(["70 field lines on an unknown path", "9110/5.4"], get("x: a\r\n".repeat(70), "/nowhere"), tooLarge),
  row(["120 field lines", "9110/5.4"], get("x: a\r\n".repeat(120)), { ...tooLarge, uws: incomplete }),
  row(["a line of 8 KB", "9110/5.4"], get(`x: ${"a".repeat(8_000)}\r\n`), { status: 200 }),
  row(["a line of 20 KB", "9110/5.4"], get(`x: ${"a".repeat(20_000)}\r\n`), tooLarge),
  row(["40 lines of 500 bytes", "9110/5.4"], get(`x: ${"a".repeat(500)}\r\n`.repeat(40)), tooLarge),
  row(["a name of 20 KB", "9110/5.4"], get(`${"a".repeat(20_000)}: x\r\n`), tooLarge),
  row(["a head in three records", "9112/2.2"], [`GET /healthz HTTP/1.1\r\n`, "host: a\r\n", "\r\n"], { status: 200 }),
  row(["a name in two records", "9112/2.2"], ["GET /healthz HTTP/1.1\r\nho", "st: a\r\n\r\n"], { status: 200 }),
  row(["the last line feed apart", "9112/2.2"], ["GET /healthz HTTP/1.1\r\nhost: a\r\n\r", "\n"], { status: 200 }),
  row(["a body apart from its head", "9112/2.2"], [post(length, ""), "[", "1]"], { status: 200 }),
];

/** Expectations, upgrades, and the end of connections. */
export const connections: readonly Row[] = [
  row(["an expectation with a body", "9110/10.1.1"], post(`${length}expect: 100-continue\r\n`, body), { status: 200 }),
  row(["an expectation in capitals", "9110/10.1.1"], post(`${length}expect: 100-Continue\r\n`, body), { status: 200 }),
  row(["a body after 100", "9110/10.1.1"], [post(`${length}expect: 100-continue\r\n`, ""), body], { status: 200 }),
  row(["an expectation without a body", "9110/10.1.1"], get("expect: 100-continue\r\n"), { status: 200 }),
  row(["another expectation", "9110/10.1.1"], post(`${length}expect: x\r\n`, body), {
    status: 417,
    connection: "either",
  }),
  row(["two expectations", "9110/10.1.1"], post(`${length}expect: 100-continue, x\r\n`, body), {
    status: 417,
    connection: "either",
  }),
  row(["an upgrade to WebSocket", "9110/7.8"], get("upgrade: websocket\r\nconnection: upgrade\r\n"), {
    status: [200, 400, 426],
  }),
  row(
    ["an upgrade to h2c", "9110/7.8"],
    get("upgrade: h2c\r\nconnection: Upgrade, HTTP2-Settings\r\nhttp2-settings: x\r\n"),
    {
      status: 200,
    },
  ),
  row(["close", "9112/9.6"], get("connection: close\r\n"), { status: 200, connection: "closed" }),
  row(["Close", "9112/9.6"], get("connection: Close\r\n"), { status: 200, connection: "closed" }),
  row(["close for a call", "9112/9.6"], post(`${length}connection: close\r\n`, body), {
    status: 200,
    connection: "closed",
  }),
  row(["close for a problem", "9112/9.6"], get("connection: close\r\n", "/nowhere"), {
    status: 404,
    connection: "closed",
  }),
  row(["close for HEAD", "9112/9.6"], line("HEAD /healthz HTTP/1.1", "host: a\r\nconnection: close\r\n"), {
    status: 200,
    connection: "closed",
  }),
  row(["close in a list", "9112/9.6"], get("connection: x, close\r\n"), { status: 200, connection: "closed" }),
  row(["close first in a list", "9112/9.6"], get("connection: close, te\r\n"), { status: 200, connection: "closed" }),
  row(["close in a list for a call", "9112/9.6"], post(`${length}connection: te, close\r\n`, body), {
    status: 200,
    connection: "closed",
  }),
  row(["keep-alive", "9112/9.3"], get("connection: keep-alive\r\n"), { status: 200 }),
  row(["an option that only begins like close", "9112/9.6"], get("connection: closed\r\n"), { status: 200 }),
  row(["three GETs at once", "9112/9.3.2"], get() + get() + get(), { status: 200, answers: 3 }),
  row(["HEAD and GET at once", "9112/9.3.2"], line("HEAD /healthz HTTP/1.1") + get(), { status: 200, answers: 2 }),
  row(["a problem and a GET at once", "9112/9.3.2"], get("", "/nowhere") + get(), { status: 404, answers: 2 }),
  row(["OPTIONS and GET at once", "9112/9.3.2"], line("OPTIONS /healthz HTTP/1.1") + get(), {
    status: [200, 204],
    answers: 2,
  }),
  row(["a refusal behind a GET", "9112/9.3.2"], get() + get("host: b\r\n"), {
    status: 200,
    answers: 2,
    connection: "closed",
  }),
  row(["two calls at once", "9112/9.3.2"], call + call, {
    status: 200,
    answers: 2,
    uws: "closes without an answer what asks again before the answer to a call",
  }),
  row(["a call and its next after the answer", "9112/9.3"], call, { status: 200 }),
  row(["a request behind close", "9112/9.6"], get("connection: close\r\n") + get(), {
    status: 200,
    connection: "closed",
    uws: "answers the second one too, and keeps the connection",
  }),
  row(["401 and the next", "9112/9.3"], post(length, body, "/v1/tokens"), { status: 401 }),
  row(["a range", "9110/14.2"], get("range: bytes=0-1\r\n"), { status: [200, 206] }),
  row(["a condition", "9110/13.1"], get('if-none-match: "x"\r\n'), { status: 200 }),
  row(["Max-Forwards", "9110/7.6.2"], line("OPTIONS /healthz HTTP/1.1", "host: a\r\nmax-forwards: 0\r\n"), {
    status: [200, 204],
  }),
  row(["TE", "9110/10.1.4"], get("te: trailers\r\nconnection: te\r\n"), { status: 200 }),
  row(["a compressed body", "9110/8.4"], post(`${length}content-encoding: gzip\r\n`, body), { status: 415 }),
  row(["garbage behind a body", "9112/6.3"], [call, "x\r\n\r\n"], {
    status: 200,
    connection: "closed",
    uws: leftover,
    node: "answers 400 to the garbage",
  }),
];
