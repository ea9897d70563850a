// A renewed certificate is served without refusing a connection.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "node:tls";
import { TestNode } from "../../harness/tls/test-node.js";

async function serialOf(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false, servername: hostname });
  await new Promise<void>((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

test("a renewed certificate is served on the same port while calls go on", async () => {
  const node = await TestNode.start();
  await node.deploy("calc");
  const { port } = new URL(node.api.url);
  const before = await serialOf(node.api.url);
  let renewing = true;
  let calls = 0;
  const caller = async () => {
    while (renewing) {
      assert.equal((await node.ask("/fn/calc/echo", { method: "POST" })).status, 200);
      calls++;
    }
  };
  const callers = [caller(), caller()];
  for (let renewal = 0; renewal < 3; renewal++) {
    await node.renew();
    const fresh = { agent: false, ca: node.root } as const;
    assert.equal((await node.ask("/healthz", fresh)).status, 200, "a new connection");
  }
  renewing = false;
  await Promise.all(callers);
  assert.ok(calls > 3, `${calls}`);
  assert.notEqual(await serialOf(node.api.url), before);
  assert.equal(new URL(node.api.url).port, port);
  await node.stop();
  await assert.rejects(node.ask("/healthz", { agent: false, ca: node.root }));
});
