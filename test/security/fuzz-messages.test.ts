// Frames, manifests, records, uploads and requests, mutated: each is answered in time, within memory, by an error that
// has a name.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { type JoinBody, joinBody } from "../../src/api/joins.js";
import { decodeCapacity } from "../../src/capacity/capacity.js";
import { readManifest } from "../../src/catalog/manifest.js";
import { HerdError } from "../../src/core/errors.js";
import { decodeSigned } from "../../src/core/signed.js";
import { decodeCall, decodeResult, encodeCall } from "../../src/invoke/forwarding/call-codec.js";
import { decodeReport } from "../../src/invoke/peers/report.js";
import { decodeSummaries, decodeUpdates } from "../../src/mesh/membership/member-messages.js";
import { decodeFrame, encodeFrame, FrameError, FrameReader, joinFrames } from "../../src/mesh/transport/frame.js";
import { helloContent, readHello } from "../../src/mesh/transport/hello.js";
import { errorOf, messageOf, messageType, reasonOf } from "../../src/mesh/transport/message.js";
import { readJoinRequest } from "../../src/pki/join/request.js";
import { parsePayload } from "../../src/pki/registry/records.js";
import { readUpload } from "../../src/server/endpoints/upload-body.js";
import { relayedAnswer } from "../../src/server/relay/relay-message.js";
import { TestNode } from "../harness/tls/test-node.js";
import { seeded } from "../harness/virtual/virtual-time.js";
import { fuzz, fuzzRuns, mutated, tell } from "./mutations.js";

const hex = (digits: number): string => "0123456789abcdef".repeat(8).slice(0, digits);
const signed = (payload: object): string =>
  JSON.stringify({ payload: JSON.stringify(payload), signer: hex(32), signature: "A".repeat(86) });
const manifest = {
  kind: "manifest",
  mesh: hex(32),
  app: "demo",
  version: 1,
  at: 1,
  author: hex(32),
  by: "token",
  op: "deploy",
  revision: hex(12),
  component: hex(64),
  componentBytes: 10,
  source: hex(64),
  sourceBytes: 10,
  functions: ["add", "sub"],
  public: false,
  limits: { deadlineMs: 5_000, memoryBytes: 1 << 26 },
};
const isRefusal = (error: unknown): boolean => error instanceof FrameError || error instanceof HerdError;

/** A body of `POST /v1/join`, as the server parses it first. */
function parsedBody(value: unknown): JoinBody {
  const parsed = joinBody.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new HerdError("request.malformed", parsed.error.message);
}

/** What every reader of a peer's message makes of one value; none may throw but a refusal. */
function readAll(value: unknown): void {
  const readers: readonly ((value: unknown) => unknown)[] = [
    messageOf,
    readHello,
    reasonOf,
    errorOf,
    decodeCall,
    decodeResult,
    decodeReport,
    decodeCapacity,
    decodeUpdates,
    decodeSummaries,
    relayedAnswer,
    (body) => readJoinRequest(parsedBody(body), { meshId: hex(32), now: 1 }),
  ];
  for (const read of readers) {
    try {
      read(value);
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }
}

test("mutated frames, and what every reader makes of them", async () => {
  const hello = helloContent(
    { address: "a.internal:1", url: "https://a.internal:2", records: [signed(manifest)] },
    { node: hex(32), instance: hex(32), dial: 1, at: 1, started: 1 },
  );
  const call = encodeCall({
    app: "demo",
    revision: hex(12),
    function: "add",
    arguments: { format: "json", body: Buffer.from("[1]") },
    id: "a-1",
    remainingMs: 100,
    queueTimeoutMs: 3,
  });
  const values: readonly unknown[] = [
    [messageType.hello, hello],
    [messageType.request, 7, "call", call],
    [messageType.response, 7, [0, [1, 1, 0, 0, false, null, 3, 0, 0, null], "{}", 0.1, 0.2, 0.3]],
    [messageType.failure, 7, { code: "internal", detail: "x", diagnostics: [{ line: 1, column: 2 }] }],
    [
      messageType.notification,
      "members",
      [
        ["announce", signed({ kind: "member" })],
        ["dead", hex(32), 3, hex(32)],
      ],
    ],
    [messageType.notification, "capacity", [1, 2, 3, 4, 5, 6, 7, 8]],
  ];
  await fuzz("frames", {
    runs: fuzzRuns(0.15),
    seeds: values.map((value) => joinFrames([encodeFrame(value)])),
    allows: isRefusal,
    read(input) {
      const reader = new FrameReader((frame) => {
        const value = decodeFrame(frame);
        readAll(value);
        if (Array.isArray(value)) for (const part of value) readAll(part);
      });
      for (let at = 0; at < input.length; at += 64) reader.push(input.subarray(at, at + 64));
    },
  });
});

test("mutated manifests and records", async () => {
  const record = signed(manifest);
  const kinds = ["grant", "admission", "revocation", "address", "token", "token-revocation", "head", "crl"] as const;
  await fuzz("manifests", {
    runs: fuzzRuns(0.1),
    seeds: [
      Buffer.from(record),
      Buffer.from(signed({ ...manifest, op: "remove" })),
      Buffer.from(JSON.stringify(manifest)),
    ],
    allows: isRefusal,
    read(input) {
      const text = input.toString("utf8");
      for (const kind of kinds) parsePayload(kind, decodeSigned(text)?.payload ?? text);
      readManifest(text);
    },
  });
});

test("mutated uploads", async () => {
  const boundary = "----herd";
  const part = (name: string, text: string): string =>
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n\r\n${text}\r\n`;
  const index = part("index.ts", "export function f(): i32 { return 1; }");
  const form = `${index}${part("lib/a.ts", "// ö")}--${boundary}--\r\n`;
  const read = readUpload(`multipart/form-data; boundary=${boundary}`, { sourceBytes: 1 << 20, sourceFiles: 100 });
  await fuzz("uploads", {
    runs: fuzzRuns(0.1),
    seeds: [Buffer.from(form), Buffer.from(form.replace("lib/a.ts", "../a.ts"))],
    allows: isRefusal,
    read,
  });
});

let node: TestNode;
before(async () => {
  node = await TestNode.start({ limits: { argumentBytes: 20_000 } });
  await node.deploy("open", "export function echo(): void {} // open", "?public=true");
});
after(() => node.stop());

/**
 * Sends bytes on a connection of their own, in two pieces; resolves when it ends or has answered, or nothing comes for
 * a while: to whether all was well.
 */
function send(input: Buffer): Promise<boolean> {
  const { port } = new URL(node.api.url);
  return new Promise((resolve) => {
    const socket: TLSSocket = connect({ port: Number(port), host: "localhost", ca: node.root }, () => {
      socket.write(input.subarray(0, input.length >> 1));
      socket.write(input.subarray(input.length >> 1));
    });
    socket.setTimeout(30, () => socket.destroy());
    let isGood = false;
    socket.on("data", (answer: Buffer) => {
      isGood ||= answer.toString("latin1").startsWith("HTTP/1.1 200");
      socket.destroy();
    });
    socket.on("error", () => undefined);
    socket.once("close", () => resolve(isGood));
  });
}

test("mutated requests: none ends the node, and honest calls go on", async () => {
  const requests = [
    "POST /fn/open/echo HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n" +
      'content-length: 8\r\n\r\n{"a":1} ',
    'POST /fn/open/echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n8\r\n{"a":1} \r\n0\r\n\r\n',
    "GET /fn/open/echo?a=1&b=%20 HTTP/1.1\r\nhost: localhost\r\naccept: */*\r\n\r\n",
    "POST /fn/open/echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 8\r\ncontent-length: 7\r\n\r\n{}      ",
    "POST /fn/open/echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: Chunked\r\ncontent-length: 2\r\n\r\n" +
      "2\r\n{}\r\n0\r\n\r\n",
    "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n" +
      "GET /healthz HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\n\r\n",
    'POST /v1/sign-in HTTP/1.1\r\nhost: localhost\r\ncontent-length: 14\r\n\r\n{"code":"abc"}',
    "PUT /v1/apps/x HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer x\r\ncontent-length: 4\r\n\r\nabcd",
  ].map((text) => Buffer.from(text));
  const random = seeded(Number(process.env.HERD_SEED ?? 1));
  const [runs, atATime] = [fuzzRuns(0.1), 16];
  const { rss } = process.memoryUsage();
  let [accepted, longestMs] = [0, 0];
  for (let run = 0; run < runs; run += atATime) {
    const startedAt = performance.now();
    const answers = await Promise.all(
      Array.from({ length: atATime }, (_, index) =>
        send(mutated(requests[(run + index) % requests.length] ?? Buffer.alloc(0), random)),
      ),
    );
    accepted += answers.filter(Boolean).length;
    longestMs = Math.max(longestMs, performance.now() - startedAt);
    if (run % 160 !== 0) continue;
    const answer = await node.ask("/fn/open/echo", { method: "POST", body: "{}", token: null });
    assert.equal(answer.status, 200, `after ${run} requests`);
  }
  tell("requests, sixteen at a time", {
    inputs: runs,
    accepted,
    longestMs,
    grownBytes: process.memoryUsage().rss - rss,
  });
  const internal = node.errors.filter((error) => !/is not UTF-8/.test(String(error)));
  assert.deepEqual(internal, []);
});
