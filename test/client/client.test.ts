// Errors of a client that gets no answer: they name a cause that a person can mend, not the system's error code.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { Client } from "../../src/client/client.js";
import { UnreachableError } from "../../src/client/unreachable.js";

async function refusal(url: string, body?: Buffer): Promise<string> {
  const client = new Client({ url: new URL(url), token: undefined, ca: undefined });
  const options = body === undefined ? {} : ({ method: "PUT", body } as const);
  const error = await client.send("/v1/apps/a", options).then(
    () => assert.fail("it answered"),
    (error: unknown) => error,
  );
  assert.ok(error instanceof UnreachableError, String(error));
  return error.message;
}

test("a connection that the node cuts during a large body: the error names the size", async (context) => {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.resetAndDestroy());
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  context.after(() => server.close());
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const bytes = 9 * 1024 * 1024;
  assert.equal(
    await refusal(url, Buffer.alloc(bytes)),
    `no answer from ${url}: it closed the connection while ${bytes} bytes were sent: that is more than it takes`,
  );
  assert.doesNotMatch(await refusal(url, Buffer.alloc(9)), /more than it takes/);
});

test("a name that no machine has: the error names it", async () => {
  const message = await refusal("https://nobody.invalid:8443");
  assert.match(
    message,
    /(no machine is known by the name nobody\.invalid|the name nobody\.invalid cannot be looked up now)/,
  );
});
