// Links over real sockets and certificates: what is refused, what ends a link, and what a link bears.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { systemClock } from "../../src/core/clock.js";
import { TestMesh } from "../pki/test-mesh.js";
import { eventually, nodeId, TlsNode } from "./tls-mesh.js";

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

  test("1,000 asks in flight on one link are answered, each with its own answer", async () => {
    const [one, other] = [await node(a), await node(b)];
    const link = await one.dial(other);
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, n) => link.ask("echo", { n }, { timeoutMs: 10_000 })),
    );
    assert.deepEqual(
      answers,
      Array.from({ length: 1_000 }, (_, n) => ({ n })),
    );
    await eventually("the other side is open", () => other.links.get(a) !== undefined);
    assert.equal(await other.links.get(a)?.ask("echo", "back", { timeoutMs: 10_000 }), "back");
  });

  test("bodies of 6 MiB cross", async () => {
    const [one, other] = [await node(a), await node(b)];
    const link = await one.dial(other);
    const body = Buffer.alloc(6 * 1024 * 1024, "herd");
    for (let time = 0; time < 3; time++) {
      const answer = (await link.ask("echo", body, { timeoutMs: 20_000 })) as Buffer;
      assert.equal(Buffer.compare(answer, body), 0);
    }
  });
});
