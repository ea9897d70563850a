// Relays over real links: two nodes with certificates and sockets, a client of the one that may not.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { systemClock } from "../../../src/core/clock.js";
import { tokenKey } from "../../../src/pki/tokens/tokens.js";
import { LinkRelay, relayKind } from "../../../src/server/relay/relay-sender.js";
import { TestMesh } from "../../harness/tls/test-mesh.js";
import { answerOf, TestNode } from "../../harness/tls/test-node.js";
import { eventually, nodeId, TlsNode } from "../../harness/tls/tls-mesh.js";

const [masterId, plainId] = [nodeId("a"), nodeId("b")];
/** Of the requests that the master was given. */
const signals: AbortSignal[] = [];
let masterLinks: TlsNode;
let plainLinks: TlsNode;
let master: TestNode;
let plain: TestNode;

before(async () => {
  const mesh = await TestMesh.found(systemClock);
  const options = { mesh, clock: systemClock };
  masterLinks = new TlsNode(masterId, { ...options, leaf: mesh.peer(masterId, { master: true, deploy: true }) });
  plainLinks = new TlsNode(plainId, options);
  const key = await tokenKey();
  const start = (id: string, links: TlsNode["links"], may: boolean): Promise<TestNode> =>
    TestNode.start({
      tokenKey: key,
      node: { id, name: may ? "master" : "plain" },
      relay: new LinkRelay({
        node: id,
        links,
        marks: () => ({ master: may, deploy: may }),
        receivesRevocation: async () => false,
      }),
    });
  master = await start(masterId, masterLinks.links, true);
  plain = await start(plainId, plainLinks.links, false);
  masterLinks.links.handle(relayKind, (body, from) => {
    signals.push(from.signal);
    return master.api.handleRelayed(body, { node: from.peer.nodeId, signal: from.signal });
  });
  plainLinks.links.handle(relayKind, () => assert.fail("nothing is relayed to a node without marks"));
  await masterLinks.start();
  await plainLinks.start();
  await plainLinks.dial(masterLinks);
});

after(async () => {
  await Promise.all([master.stop(), plain.stop(), masterLinks.links.stop(), plainLinks.links.stop()]);
});

test("tokens, uploads up to their limit, and refusals cross as they are", async () => {
  const body = JSON.stringify({ role: "invoke", ttlSeconds: 60 });
  const created = await plain.ask("/v1/tokens", { method: "POST", body });
  assert.equal(created.status, 201, created.body.toString());
  const large = await plain.deploy("large", "x".repeat(plain.limits.sourceBytes));
  assert.equal(large.status, 201, large.body.toString());
  const empty = await plain.ask("/v1/apps/large", { method: "DELETE" });
  assert.deepEqual([empty.status, empty.body.length], [204, 0]);
  const bad = (await plain.deploy("bad", "SYNTAX")).problem();
  assert.deepEqual([bad.code, bad.diagnostics?.length], ["source.invalid", 1]);
});

test("a client that goes away is gone for the node that acts, too", async () => {
  let open: () => void = () => undefined;
  master.compiler.gate = new Promise((resolve) => {
    open = resolve;
  });
  const known = signals.length;
  const upload = plain.open("/v1/apps/left", { method: "PUT", headers: { "content-type": "text/plain" } });
  const answer = answerOf(upload).catch(() => "gone");
  upload.end("text");
  await eventually("the master has it", () => signals.length > known);
  upload.destroy();
  assert.equal(await answer, "gone");
  await eventually("the master hears", () => signals.at(-1)?.aborted === true);
  open();
  master.compiler.gate = Promise.resolve();
});

test("without its link the node says what is missing", async () => {
  plainLinks.links.cut(masterId, "a test");
  await eventually("the link is gone", () => plainLinks.links.get(masterId) === undefined);
  const answer = await plain.ask("/v1/tokens", { method: "POST", body: '{"role": "admin"}' });
  assert.equal(answer.status, 503);
  assert.match(answer.problem().detail ?? "", /a master, and none is reachable/);
});
