// A body in chunks of one byte costs its bytes, not an object a chunk, wherever it is read: kept, for a call, or thrown
// away.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { connect } from "node:tls";
import { ChunkJoiner } from "../../src/server/connections/chunk-joiner.js";
import { TestNode } from "../harness/tls/test-node.js";

const mebibyte = 1024 * 1024;
const chunks = 1_000_000;
/** Made once, so that its memory is there before anything is measured. */
const flood = Buffer.from("1\r\n \r\n".repeat(chunks));

let node: TestNode;
before(async () => {
  node = await TestNode.start();
  await node.deploy("tiny");
});
after(() => node.stop());

/** Sends the flood as one body; its answer's status, and by how many bytes the process grew meanwhile. */
async function send(method: string, path: string, type: string): Promise<{ status: number; grown: number }> {
  const socket = connect({
    port: Number(new URL(node.api.url).port),
    host: "127.0.0.1",
    servername: "localhost",
    ca: node.root,
  });
  await once(socket, "secureConnect");
  const least = used();
  let most = least;
  const looks = setInterval(() => {
    most = Math.max(most, used());
  }, 10);
  const head =
    `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${node.admin}\r\n` +
    `Content-Type: ${type}\r\n`;
  socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n`);
  socket.write(flood);
  socket.write("0\r\n\r\n");
  const [answer] = (await once(socket, "data", { signal: AbortSignal.timeout(60_000) })) as [Buffer];
  most = Math.max(most, used());
  clearInterval(looks);
  socket.destroy();
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(answer.toString("latin1"))?.[1]), grown: most - least };
}

function used(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

for (const [what, method, path, type, status] of [
  ["an upload", "PUT", "/v1/apps/tiny", "text/plain", 200],
  ["a call", "POST", "/fn/tiny/echo", "application/json", 200],
  ["a body that nobody reads", "POST", "/fn/nobody/echo", "application/json", 404],
] as const) {
  test(`${what} in a million chunks of one byte is answered ${status}, and holds less than 64 MiB`, async () => {
    const answer = await send(method, path, type);
    assert.equal(answer.status, status);
    assert.ok(answer.grown < 64 * mebibyte, `the process grew by ${Math.round(answer.grown / mebibyte)} MiB`);
  });
}

test("chunks of every size come out in their order, the last one last", () => {
  for (const sizes of [
    [0],
    [1, 0],
    [1, 2, 3],
    [16_383, 1, 1, 0],
    [10, 20_000, 5, 0],
    [16_384, 16_384],
    [9_000, 9_000, 7],
  ]) {
    const joiner = new ChunkJoiner();
    const sent: number[] = [];
    const got: number[] = [];
    for (const [index, size] of sizes.entries()) {
      const chunk = new Uint8Array(size).map((_, at) => (at * 7 + index) % 251);
      sent.push(...chunk);
      for (const piece of joiner.add(chunk.buffer, index === sizes.length - 1)) got.push(...new Uint8Array(piece));
      assert.equal(got.length + joiner.bytes, sent.length, "nothing is lost and all is counted");
    }
    assert.deepEqual(got, sent, sizes.join());
  }
});
