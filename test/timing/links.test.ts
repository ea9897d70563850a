// How soon the peers of a revoked node are rid of it, over real sockets and certificates.

import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/core/clock.js";
import { LinkBroken } from "../../src/mesh/ports.js";
import { TestMesh } from "../harness/tls/test-mesh.js";
import { nodeId, TlsNode } from "../harness/tls/tls-mesh.js";
import { belowInSomeRound } from "./measure.js";

test("a revoked peer is cut within 100 ms, with its pending requests", async (t) => {
  const mesh = await TestMesh.found(systemClock);
  const [a, b] = [nodeId("a"), nodeId("b")];
  const measure = async (): Promise<number> => {
    const [one, other] = await Promise.all([a, b].map((id) => new TlsNode(id, { mesh, clock: systemClock }).start()));
    if (one === undefined || other === undefined) throw new TypeError("two nodes start");
    t.after(() => Promise.all([one.links.stop(), other.links.stop()]));
    other.links.handle("echo", (body) => body);
    const aborted: number[] = [];
    other.links.handle("wait", (_, { signal }) => {
      signal.addEventListener("abort", () => aborted.push(performance.now()));
      return new Promise(() => undefined);
    });
    const link = await one.dial(other);
    const requests = Array.from({ length: 10 }, () => link.request("wait", 0, { timeoutMs: 20_000 }));
    const broken = Promise.allSettled(requests);
    await link.request("echo", 0, { timeoutMs: 10_000 });
    const from = performance.now();
    other.revoked.add(a);
    other.links.cut(a, "revoked");
    for (const request of await broken)
      assert.ok(request.status === "rejected" && request.reason instanceof LinkBroken, JSON.stringify(request));
    assert.equal(aborted.length, 10);
    return Math.max(performance.now(), ...aborted) - from;
  };
  await belowInSomeRound(t, "ten requests of a revoked peer ended after", { measure, limit: 100 });
});
