// Links over a simulated network: handshake, one link per pair, requests and notifications, restarts, breaks and
// partitions.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HerdError } from "../../../src/core/errors.js";
import { type Link, LinkBroken, RequestTimeout } from "../../../src/mesh/ports.js";
import type { LinkSet } from "../../../src/mesh/transport/link-set.js";
import { eachSeed, Simulation, simulatedId } from "../../harness/virtual/simulation.js";

/** Calls of a watcher, in order. */
function historyOf(links: LinkSet): string[] {
  const history: string[] = [];
  links.watch({ opened: () => history.push("opened"), ended: () => history.push("ended") });
  return history;
}

function linkTo(links: LinkSet, name: string): Link {
  const link = links.get(simulatedId(name));
  assert.ok(link !== undefined, `no link to ${name}`);
  return link;
}

async function pair(simulation: Simulation): Promise<{ a: LinkSet; b: LinkSet }> {
  const [hostA, hostB] = [simulation.host("a"), simulation.host("b")];
  const [a, b] = [hostA.links(), hostB.links()];
  for (const links of [a, b]) {
    links.handle("echo", (body) => body);
    links.handle("fail", () => {
      throw new HerdError("app.unknown", "no such app", { retryAfterSeconds: 3, where: "/x" });
    });
    links.handle("break", () => {
      throw new TypeError("a secret detail");
    });
    links.handle("never", (_, { signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve)));
    await links.start();
  }
  a.want(hostB.id, hostB.address ?? "");
  assert.ok(
    await simulation.until(() => a.get(hostB.id) !== undefined && b.get(hostA.id) !== undefined, 1_000),
    "both are linked",
  );
  return { a, b };
}

test("both sides send requests and notifications, and have the hello of the other", async () => {
  const simulation = new Simulation(1);
  const { a, b } = await pair(simulation);
  assert.deepEqual(await simulation.settle(linkTo(a, "b").request("echo", { n: 1, x: null }, { timeoutMs: 1_000 })), {
    n: 1,
    x: null,
  });
  assert.deepEqual(
    await simulation.settle(linkTo(b, "a").request("echo", [new Uint8Array([1, 2])], { timeoutMs: 1_000 })),
    [Buffer.from([1, 2])],
  );
  assert.equal(linkTo(b, "a").hello.address, `n-${simulatedId("a")}:1`);
  assert.equal(linkTo(b, "a").peer.nodeId, simulatedId("a"));
  await simulation.run(3_000);
  assert.ok((linkTo(a, "b").rttMs ?? 0) > 0.4, `${linkTo(a, "b").rttMs}`);
});

test("an error of a handler is the response: a HerdError whole, any other without its details", async () => {
  const simulation = new Simulation(2);
  const { a } = await pair(simulation);
  const link = linkTo(a, "b");
  await assert.rejects(simulation.settle(link.request("fail", 0, { timeoutMs: 1_000 })), (error: unknown) => {
    assert.ok(error instanceof HerdError, String(error));
    assert.deepEqual(error.toData(), { code: "app.unknown", detail: "no such app", where: "/x", retryAfterSeconds: 3 });
    return true;
  });
  for (const kind of ["break", "unheard-of"]) {
    await assert.rejects(simulation.settle(link.request(kind, 0, { timeoutMs: 1_000 })), (error: unknown) => {
      assert.ok(
        error instanceof HerdError && error.code === "internal" && !error.message.includes("secret"),
        String(error),
      );
      return true;
    });
  }
});

test("a request ends at its timeout, or by its cancellation, and is cancelled at the peer", async () => {
  const simulation = new Simulation(3);
  const { a } = await pair(simulation);
  const link = linkTo(a, "b");
  const from = simulation.time.monotonic();
  await assert.rejects(simulation.settle(link.request("never", 0, { timeoutMs: 200 })), RequestTimeout);
  assert.ok(
    simulation.time.monotonic() - from >= 200 && simulation.time.monotonic() - from < 220,
    `${simulation.time.monotonic() - from}`,
  );
  const signal = { aborted: false };
  const pending = link.request("never", 0, { timeoutMs: 60_000, signal });
  simulation.time.after(50, () => {
    signal.aborted = true;
  });
  await assert.rejects(simulation.settle(pending, 100), RequestTimeout);
});

test("both dial at once: one link, opened once on each side, and the same connection on both", async (t) => {
  await eachSeed(t, { count: 50 }, async (simulation) => {
    const [hostA, hostB] = [simulation.host("a"), simulation.host("b")];
    const [a, b] = [hostA.links(), hostB.links()];
    const history = [historyOf(a), historyOf(b)];
    for (const links of [a, b]) {
      links.handle("echo", (body) => body);
      await links.start();
    }
    a.want(hostB.id, hostB.address ?? "");
    b.want(hostA.id, hostA.address ?? "");
    assert.ok(await simulation.until(() => a.all().length === 1 && b.all().length === 1, 2_000), "both are linked");
    await simulation.run(1_000);
    assert.deepEqual(history, [["opened"], ["opened"]]);
    assert.equal(simulation.world.endsOf(hostA.id).size, 1);
    assert.equal(await simulation.settle(linkTo(a, "b").request("echo", 7, { timeoutMs: 1_000 })), 7);
    assert.equal(await simulation.settle(linkTo(b, "a").request("echo", 8, { timeoutMs: 1_000 })), 8);
  });
});

test("a refused node receives the reason with records; anything but record texts is not read", async () => {
  for (const [sent, history] of [
    [["it was revoked"], ["it was revoked"]],
    [Array.from({ length: 9 }, () => "x"), []],
    ["no list", []],
  ] as const) {
    const simulation = new Simulation(4);
    const [hostA, hostB] = [simulation.host("a"), simulation.host("b")];
    const received: string[] = [];
    const a = hostA.links({ revocationProof: () => sent as readonly string[] });
    const b = hostB.links({ acceptRecords: async (records) => void received.push(...records) });
    for (const links of [a, b]) await links.start();
    simulation.revoked.add(hostB.id);
    const dialled = simulation.settle(b.dial(hostA.address ?? "", new AbortController().signal), 5_000);
    await assert.rejects(dialled, LinkBroken);
    assert.deepEqual(received, history);
  }
});
