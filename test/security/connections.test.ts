// Connections without end: those over a cap are closed at once, in all and by address, and whoever is there goes on.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { endianness, tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as tlsConnect } from "node:tls";
import { descriptorLimit, shareOut } from "../../src/core/descriptors.js";
import { createLogger } from "../../src/core/log.js";
import { LogRing } from "../../src/core/log-ring.js";
import { Metrics } from "../../src/core/metrics.js";
import { ConnectionCaps } from "../../src/server/connections/connection-caps.js";
import { addressKey, connectionsTo } from "../../src/server/connections/connection-table.js";
import { TestNode } from "../harness/tls/test-node.js";
import { ManualClock } from "../harness/virtual/manual-clock.js";

const ignore = (): void => undefined;

interface Capped {
  readonly caps: ConnectionCaps;
  readonly clock: ManualClock;
  readonly metrics: Metrics;
  readonly warnings: string[];
  /** What the next recounts find; undefined when nobody tells. */
  found: Map<string, number> | undefined;
}

function capped(limit: number, limitPerAddress: number): Capped {
  const [clock, metrics, warnings] = [new ManualClock(), new Metrics(), [] as string[]];
  const stream = { write: (line: string) => void warnings.push((JSON.parse(line) as { message: string }).message) };
  const log = createLogger({ node: "n", clock, ring: new LogRing(), stream });
  const recount = async () => parts.found;
  const caps = new ConnectionCaps({ limit, limitPerAddress, clock, log, metrics, recount });
  const parts: Capped = { caps, clock, metrics, warnings, found: undefined };
  return parts;
}

/** How many of `count` connections of an address may stay. */
function open(caps: ConnectionCaps, address: string, count: number): number {
  let stay = 0;
  for (let index = 0; index < count; index++) if (caps.opened(address)) stay += 1;
  return stay;
}

test("an address gets its share and no more, all of them together what there is, and an end makes room", () => {
  const { caps, metrics, warnings } = capped(10, 6);
  assert.equal(open(caps, "a", 20), 6);
  assert.equal(open(caps, "b", 20), 4);
  assert.equal(caps.open, 10);
  assert.match(metrics.text(), /^herd_connections 10$/m);
  assert.match(metrics.text(), /^herd_connections_refused_total\{cap="address"\} 14$/m);
  assert.match(metrics.text(), /^herd_connections_refused_total\{cap="all"\} 16$/m);
  assert.deepEqual(warnings, [
    "connections of clients are closed at once: 6 connections of one address are open",
    "connections of clients are closed at once: 10 connections are open",
  ]);
  for (let index = 0; index < 10; index++) caps.closed();
  assert.equal(open(caps, "a", 20), 6);
});

test("a client of many short connections beside a flood is counted anew, not as a holder of connections", async () => {
  const parts = capped(10, 5);
  const { caps, clock } = parts;
  assert.equal(open(caps, "flood", 6), 5);
  for (let call = 0; call < 100; call++) {
    parts.found = new Map([["flood", 5]]);
    assert.ok(caps.opened("honest"), `call ${call}`);
    caps.closed();
    clock.advance(1_000);
    await sleep(0);
  }
  assert.equal(open(caps, "flood", 1), 0);
});

test("where nobody tells who is connected, what an address opened long ago is forgotten", async () => {
  const { caps, clock } = capped(100, 5);
  assert.equal(open(caps, "gone", 5), 5);
  for (let index = 0; index < 8; index++) assert.ok(caps.opened(`other ${index}`), `other ${index}`);
  for (let index = 0; index < 5; index++) caps.closed();
  assert.ok(!caps.opened("gone"), "whose connections ended is not known");
  let waits = 0;
  for (; waits < 5; waits++) {
    clock.advance(13_000);
    if (caps.opened("gone")) break;
    await sleep(0);
  }
  assert.ok(waits >= 1 && waits < 4, `after ${waits} times 13 s`);
});

test("the descriptors of a process are read where they stand, and shared out with a reserve", async () => {
  const folder = mkdtempSync(join(tmpdir(), "herd-limits-"));
  const path = join(folder, "limits");
  writeFileSync(
    path,
    "Limit                     Soft Limit           Hard Limit           Units\n" +
      "Max open files            256                  4096                 files\n",
  );
  assert.equal(await descriptorLimit(path), 256);
  writeFileSync(path, "Max open files            unlimited            unlimited            files\n");
  assert.ok((await descriptorLimit(path)) >= 1_024, "fewer than 1,024 descriptors");
  rmSync(folder, { recursive: true });
  assert.ok((await descriptorLimit(path)) >= 64, "the shell tells, or the usual limit is taken");
  for (const limit of [64, 128, 256, 1_024, 4_096, 20_000, 1_048_576]) {
    for (const workers of [1, 2, 16]) {
      const shares = shareOut(limit, { connections: 4_096, connectionsPerAddress: 2_048, workers });
      const { connections, connectionsPerAddress, handshakes, handshakesPerAddress } = shares;
      assert.ok(
        connectionsPerAddress <= connections && handshakesPerAddress <= handshakes,
        `${connectionsPerAddress}, ${connections}, ${handshakesPerAddress}, ${handshakes}`,
      );
      assert.ok(connections <= 4_096 && handshakes <= 256, `${connections}, ${handshakes}`);
      if (limit >= 256)
        assert.ok(limit - connections - handshakes >= 48 + 8 * (workers + 1), `${limit}: ${connections}`);
    }
  }
});

test("the kernel's list tells who is connected to a port, by address or by the first 64 bits of one", {
  skip: endianness() !== "LE",
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "herd-net-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [four, six] = [join(folder, "tcp"), join(folder, "tcp6")];
  const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
  const line = (local: string, remote: string, state: string): string =>
    `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 1 1 0\n`;
  // 8443 is 20FB.
  writeFileSync(
    four,
    head +
      line("0100007F:20FB", "0200007F:C350", "01") +
      line("0100007F:20FB", "0200007F:C351", "08") +
      line("0100007F:20FB", "0200007F:C352", "06") +
      line("0100007F:20FC", "0200007F:C353", "01"),
  );
  const mapped = "0000000000000000FFFF00000200007F";
  const global = "B80D0120000000010000000000000001";
  writeFileSync(
    six,
    head + line(`${mapped}:20FB`, `${mapped}:C354`, "01") + line(`${global}:20FB`, `${global}:C355`, "01"),
  );
  const counts = await connectionsTo(8_443, [four, six, join(folder, "absent")]);
  assert.deepEqual(
    counts,
    new Map([
      ["127.0.0.2", 3],
      ["32.1.13.184.1.0.0.0/64", 1],
    ]),
  );
  assert.equal(await connectionsTo(8_443, [join(folder, "absent")]), undefined);
  assert.equal(addressKey(new Uint8Array([127, 0, 0, 2])), "127.0.0.2");
});

/** Waits until the node counts that many connections, this client's own among them. */
async function connectionsLeft(node: TestNode, count: number): Promise<void> {
  const counted = new RegExp(`^herd_connections ${count}$`, "m");
  let body = "";
  for (let tries = 0; !counted.test(body) && tries < 1_000; tries++) {
    await sleep(20);
    body = (await node.ask("/metrics")).body.toString();
  }
  assert.match(body, counted);
}

/**
 * Opens connections; those that stay open. They end with the test. The node has judged each once it ended or was
 * answered, or, where `mayStay` stay open and say nothing, once all others ended.
 */
async function flood(
  t: TestContext,
  { count, mayStay, start }: { readonly count: number; readonly mayStay: number; readonly start: () => Socket },
): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => {
    const socket = start();
    socket.on("error", ignore);
    return socket;
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  const isOpen = (socket: Socket): boolean =>
    !socket.destroyed && !socket.readableEnded && socket.readyState === "open";
  const settled = (): boolean =>
    sockets.every((socket) => socket.readyState !== "opening") && sockets.filter(isOpen).length <= mayStay;
  for (let tries = 0; !settled() && tries < 1_000; tries++) await sleep(20);
  // Whatever is ended beyond its share is ended soon after.
  await sleep(200);
  return sockets.filter(isOpen);
}

for (const kind of ["bare", "TLS"] as const) {
  test(`a flood of ${kind} connections gets its share; other clients go on; the node recovers`, async (t) => {
    const node = await TestNode.start({ limits: { connections: 30, connectionsPerAddress: 20 } });
    t.after(() => node.stop());
    const port = Number(new URL(node.api.url).port);
    assert.equal((await node.ask("/healthz")).status, 200);
    const start = (): Socket =>
      kind === "bare"
        ? connect(port, "127.0.0.1")
        : tlsConnect({ port, host: "127.0.0.1", ca: node.root, servername: "localhost" });
    const open = await flood(t, { count: 60, mayStay: 20, start });
    assert.ok(open.length >= 19 && open.length <= 20, `${open.length} of 60 are open`);
    // The agent's connection was there before.
    assert.equal((await node.ask("/healthz")).status, 200);
    const { body } = await node.ask("/metrics");
    assert.match(body.toString(), /^herd_connections_refused_total\{cap="address"\} (39|4[0-9])$/m);
    for (const socket of open) socket.destroy();
    await connectionsLeft(node, 1);
    // Not over the connection that was there.
    const { agent } = node;
    node.agent.destroy();
    assert.equal((await node.ask("/healthz", { agent })).status, 200);
  });
}

test("an address that holds its share shuts out no other", { skip: process.platform !== "linux" }, async (t) => {
  const node = await TestNode.start({ limits: { connections: 30, connectionsPerAddress: 20 } });
  t.after(() => node.stop());
  const port = Number(new URL(node.api.url).port);
  const from = (localAddress: string) => () => connect({ port, host: "127.0.0.1", localAddress });
  assert.equal((await flood(t, { count: 40, mayStay: 20, start: from("127.0.0.2") })).length, 20);
  assert.equal((await flood(t, { count: 5, mayStay: 5, start: from("127.0.0.3") })).length, 5);
  assert.equal((await flood(t, { count: 40, mayStay: 5, start: from("127.0.0.4") })).length, 5);
});

test("ten thousand connections that come and go leave the count at nought", async (t) => {
  const node = await TestNode.start({ limits: { connections: 50, connectionsPerAddress: 40 } });
  t.after(() => node.stop());
  const port = Number(new URL(node.api.url).port);
  for (let round = 0; round < 100; round++) {
    const sockets = Array.from({ length: 100 }, () => connect(port, "127.0.0.1").on("error", ignore));
    await Promise.all(
      sockets.map((socket) => new Promise((resolve) => socket.once("connect", resolve).once("close", resolve))),
    );
    for (const [index, socket] of sockets.entries()) {
      if (index % 2 === 0) socket.resetAndDestroy();
      else socket.destroy();
    }
  }
  await connectionsLeft(node, 1);
});
