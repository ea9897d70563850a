// Port 0: a free port that is still free when the node binds it.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { checkPort } from "../../../src/server/door/port-probe.js";

/** The first port that Linux gives to connections that go out; other systems begin later. */
const firstEphemeral = 32_768;

test("no connection that goes out takes the port before it is bound, and no second look finds it again", async () => {
  const ports = [await checkPort("localhost", 0), await checkPort("localhost", 0, "--peer-port")];
  assert.ok(
    ports.every((port) => port > 1_023 && port < firstEphemeral),
    JSON.stringify(ports),
  );
  assert.equal(new Set(ports).size, 2);
});

test("a port in use is passed over", async (t) => {
  const taken = createServer();
  t.after(() => taken.close());
  const next = (await checkPort("127.0.0.1", 0)) + 1;
  taken.on("error", () => undefined).listen({ host: "127.0.0.1", port: next, exclusive: true });
  // Somebody else's is as good.
  await Promise.race([once(taken, "listening"), once(taken, "error")]);
  const found = await checkPort("127.0.0.1", 0);
  assert.notEqual(found, next);
  assert.equal(await checkPort("127.0.0.1", found), found);
});
