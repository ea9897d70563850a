// Links over real sockets and certificates: load, revocation, cancellation, back-pressure and renewal.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { systemClock } from "../../../src/core/clock.js";
import { type Link, LinkBroken, RequestTimeout } from "../../../src/mesh/ports.js";
import { RawPeer } from "../../harness/tls/raw-peer.js";
import { TestMesh } from "../../harness/tls/test-mesh.js";
import { eventually, nodeId, TlsNode } from "../../harness/tls/tls-mesh.js";
import { ManualClock } from "../../harness/virtual/manual-clock.js";
import { ManualTime } from "../../harness/virtual/manual-time.js";

const [a, b] = [nodeId("a"), nodeId("b")];

describe("links over TLS", () => {
  let mesh: TestMesh;
  const nodes: TlsNode[] = [];
  before(async () => {
    mesh = await TestMesh.found(systemClock);
  });
  after(async () => {
    await Promise.all(nodes.map((node) => node.links.stop()));
  });

  async function node(id: string, options: Partial<ConstructorParameters<typeof TlsNode>[1]> = {}): Promise<TlsNode> {
    const made = new TlsNode(id, { mesh, clock: systemClock, ...options });
    nodes.push(made);
    made.links.handle("echo", (body) => body);
    return made.start();
  }

  test("1,000 requests in flight on one link each get their own response", async () => {
    const [one, other] = [await node(a), await node(b)];
    const link = await one.dial(other);
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, n) => link.request("echo", { n }, { timeoutMs: 10_000 })),
    );
    assert.deepEqual(
      answers,
      Array.from({ length: 1_000 }, (_, n) => ({ n })),
    );
    await eventually("the other side is open", () => other.links.get(a) !== undefined);
    assert.equal(await other.links.get(a)?.request("echo", "back", { timeoutMs: 10_000 }), "back");
  });

  test("bodies of 6 MiB cross", async () => {
    const [one, other] = [await node(a), await node(b)];
    const link = await one.dial(other);
    const body = Buffer.alloc(6 * 1024 * 1024, "herd");
    for (let time = 0; time < 3; time++) {
      const answer = (await link.request("echo", body, { timeoutMs: 20_000 })) as Buffer;
      assert.equal(Buffer.compare(answer, body), 0);
    }
  });

  test("a revoked peer is cut at once, with its pending requests", async () => {
    const [one, other] = [await node(a), await node(b)];
    let aborted = 0;
    other.links.handle("wait", (_, { signal }) => {
      signal.addEventListener("abort", () => aborted++);
      return new Promise(() => undefined);
    });
    const link = await one.dial(other);
    const requests = Array.from({ length: 10 }, () => link.request("wait", 0, { timeoutMs: 20_000 }));
    const broken = Promise.allSettled(requests);
    await link.request("echo", 0, { timeoutMs: 10_000 });
    other.revoked.add(a);
    other.links.cut(a, "revoked");
    assert.deepEqual([other.links.get(a), aborted], [undefined, 10], "before the cut returns");
    for (const request of await broken) {
      assert.ok(request.status === "rejected" && request.reason instanceof LinkBroken, JSON.stringify(request));
    }
    await assert.rejects(one.dial(other), LinkBroken);
  });

  test("a revoked peer is cut by its next request or notification, and by the next request to it", async () => {
    for (const contact of ["request", "notify", "requested"] as const) {
      const [one, other] = [await node(a), await node(b)];
      const link = await one.dial(other);
      await eventually("the other side is open", () => other.links.get(a) !== undefined);
      let notified = 0;
      other.links.handle("note", () => notified++);
      other.revoked.add(a);
      if (contact === "notify") link.notify("note", 0);
      else if (contact === "request") await assert.rejects(link.request("echo", 0, { timeoutMs: 10_000 }), LinkBroken);
      else
        await assert.rejects(
          other.links.get(a)?.request("echo", 0, { timeoutMs: 10_000 }) ?? assert.fail(),
          LinkBroken,
        );
      await eventually("both sides have no link", () => one.links.all().length + other.links.all().length === 0);
      assert.equal(notified, 0);
    }
  });

  test("a cancelled request is cancelled at the peer", async () => {
    const [one, other] = [await node(a), await node(b)];
    let isCancelled = false;
    other.links.handle(
      "wait",
      (_, { signal }) =>
        new Promise(() =>
          signal.addEventListener("abort", () => {
            isCancelled = true;
          }),
        ),
    );
    const link = await one.dial(other);
    const cancel = new AbortController();
    const pending = link.request("wait", 0, { timeoutMs: 20_000, signal: cancel.signal });
    await link.request("echo", 0, { timeoutMs: 10_000 });
    cancel.abort();
    await assert.rejects(pending, RequestTimeout);
    await eventually("the handler is cancelled", () => isCancelled);
  });

  test("both dial at once: one link, one connection", async () => {
    for (let round = 0; round < 5; round++) {
      const [one, other] = [await node(a), await node(b)];
      const history: string[] = [];
      for (const { links } of [one, other]) {
        links.watch({ opened: () => history.push("opened"), ended: () => history.push("ended") });
      }
      one.links.want(b, other.address);
      other.links.want(a, one.address);
      await eventually("both are linked", () => one.links.get(b) !== undefined && other.links.get(a) !== undefined);
      await Promise.all([one, other].map(({ links }) => links.all()[0]?.request("echo", 0, { timeoutMs: 10_000 })));
      assert.deepEqual(history, ["opened", "opened"]);
    }
  });

  test("a peer that sends requests and reads nothing costs bounded memory, and is disconnected", async () => {
    const patient = await node(b, { links: { limits: { silenceMs: 1_500, pingIntervalMs: 100 } } });
    const [answerBytes, mebibyte] = [256 * 1024, 1024 * 1024];
    let answered = 0;
    patient.links.handle("large", () => {
      answered++;
      return Buffer.alloc(answerBytes);
    });
    const peer = await RawPeer.connect({ address: patient.address, root: mesh.root.certificate, leaf: mesh.peer(a) });
    peer.handshake(a);
    await eventually("it is linked", () => patient.links.get(a) !== undefined);
    peer.socket.pause();
    let most = 0;
    const before = process.memoryUsage().arrayBuffers;
    for (let id = 1; patient.links.get(a) !== undefined && id < 20_000; id += 20) {
      peer.send(...Array.from({ length: 20 }, (_, n) => [3, id + n, "large", 0]));
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await eventually("it is let go", () => patient.links.get(a) === undefined);
    peer.socket.destroy();
    // The process's memory is no lower bound: a collection may free what earlier tests left meanwhile.
    assert.ok(answered * answerBytes > 4 * mebibyte, `${answered} answers: it was not pressed`);
    assert.ok(answered * answerBytes < 80 * mebibyte && most < 80 * mebibyte, `${answered} answers, ${most} bytes`);
  });

  /** A leaf that ends at this time. */
  const leafUntil = (id: string, end: number) => mesh.peer(id, { clock: new ManualClock(end - 24 * 3_600_000) });

  /** Lets time pass a second at a time, with an answer over the link after each. */
  async function passInUse(time: ManualTime, { until, link }: { until: number; link: Link }): Promise<void> {
    while (time.now() < until) {
      await time.pass(Math.min(1_000, until - time.now()));
      assert.equal(await link.request("echo", 1, { timeoutMs: 10_000 }), 1);
    }
  }

  /**
   * A clock that tests move, and the end of a certificate by it: for OpenSSL, by the machine's clock, it stays valid.
   */
  function endingSoon(): { time: ManualTime; end: number } {
    const time = new ManualTime(Date.now());
    return { time, end: Math.ceil(time.now() / 1_000) * 1_000 + 300_000 };
  }

  test("a link lasts while certificates are renewed under it", async () => {
    const { time, end } = endingSoon();
    const own = { clock: time, links: { timers: time } };
    const one = await node(a, { ...own, leaf: leafUntil(a, end) });
    const other = await node(b, { ...own, leaf: leafUntil(b, end) });
    const history: string[] = [];
    one.links.watch({ opened: () => history.push("opened"), ended: () => history.push("ended") });
    one.links.want(b, other.address);
    await eventually("both are linked", () => one.links.get(b) !== undefined && other.links.get(a) !== undefined);
    one.network.use(mesh.peer(a));
    other.network.use(mesh.peer(b));
    const link = one.links.get(b) ?? assert.fail();
    await passInUse(time, { until: end + 2_000, link });
    assert.deepEqual(history, ["opened"]);
    assert.ok(link.peer.notAfter > end + 3_600_000, `${link.peer.notAfter}`);
    one.links.unwant(b);
  });

  test("a link ends when the first of the two certificates ends", async () => {
    const { time, end } = endingSoon();
    const own = { clock: time, links: { timers: time } };
    const [one, other] = [await node(a, { ...own, leaf: leafUntil(a, end) }), await node(b, own)];
    const link = await one.dial(other);
    await eventually("both are linked", () => other.links.get(a) !== undefined);
    await passInUse(time, { until: end - 100, link });
    assert.deepEqual([one.links.all().length, other.links.all().length], [1, 1]);
    await time.pass(1_000);
    await eventually("it ends", () => one.links.get(b) === undefined && other.links.get(a) === undefined);
    await assert.rejects(link.request("echo", 1, { timeoutMs: 1_000 }), LinkBroken);
  });
});
