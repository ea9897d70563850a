// Which linked peer a request is relayed to, and what a link that breaks means.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HerdError } from "../../../src/core/errors.js";
import { type Link, LinkBroken, type PeerIdentity, RequestTimeout } from "../../../src/mesh/ports.js";
import type { Where } from "../../../src/server/http/place.js";
import type { RelayedRequest } from "../../../src/server/relay/relay-message.js";
import { LinkRelay } from "../../../src/server/relay/relay-sender.js";

const self = "0".repeat(32);
const request: RelayedRequest = {
  method: "GET",
  target: "/v1/audit",
  headers: {},
  body: new Uint8Array(),
  remoteAddress: "::1",
  baseUrl: "https://localhost:1",
};
const { signal } = new AbortController();

function linkTo(nodeId: string, marks: Partial<PeerIdentity>, ask: () => Promise<unknown>): Link {
  const peer = { nodeId, serial: "", issuer: "", master: false, deploy: false, notAfter: 0, ...marks };
  return {
    peer,
    hello: { address: undefined, url: "https://localhost:8443" },
    rttMs: undefined,
    notify: () => true,
    request: ask,
  };
}

function relayOver(links: Link[], marks = { master: false, deploy: false }, revoked = false): LinkRelay {
  const get = (id: string) => links.find(({ peer }) => peer.nodeId === id);
  return new LinkRelay({
    node: self,
    links: { all: () => links, get },
    marks: () => marks,
    receivesRevocation: async () => revoked,
  });
}

test("what is here follows this node's marks and id", () => {
  const plain = relayOver([]);
  const master = relayOver([], { master: true, deploy: false });
  assert.equal(plain.isHere("master"), false);
  assert.equal(master.isHere("master"), true);
  assert.equal(master.isHere("deployer"), false);
  assert.equal(relayOver([], { master: false, deploy: true }).isHere("deployer"), true);
  assert.equal(plain.isHere({ node: self }), true);
  assert.equal(plain.isHere({ node: "1" }), false);
  assert.equal(master.isHere({ masterExcept: ["1"] }), true);
  assert.equal(master.isHere({ masterExcept: [self] }), false);
});

test("the peer is one with the mark, always the same one", async () => {
  const links = [
    linkTo("3", { master: true }, async () => "three"),
    linkTo("1", { deploy: true }, async () => "one"),
    linkTo("2", { master: true }, async () => "two"),
  ];
  const relay = relayOver(links);
  assert.equal(await relay.request("master", request, signal), "two");
  assert.equal(await relay.request("deployer", request, signal), "one");
  assert.equal(await relay.request({ masterExcept: ["2"] }, request, signal), "three");
  assert.equal(await relay.request({ node: "3" }, request, signal), "three");
});

test("without such a peer the error says what is missing", async () => {
  const relay = relayOver([linkTo("1", {}, async () => "one")]);
  const overloaded = (message: RegExp) => ({ code: "node.unavailable", message });
  await assert.rejects(relay.request("master", request, signal), overloaded(/a master/));
  await assert.rejects(relay.request("deployer", request, signal), overloaded(/deploy mark/));
  await assert.rejects(relay.request({ node: "9" }, request, signal), overloaded(/not reachable/));
});

test("a GET goes on to the next master when a link breaks; what may have acted is not asked twice", async () => {
  let asked = 0;
  const broken = async () => {
    asked++;
    throw new LinkBroken("gone");
  };
  const relay = relayOver([linkTo("1", { master: true }, broken), linkTo("2", { master: true }, async () => "two")]);
  assert.equal(await relay.request("master", request, signal), "two");
  await assert.rejects(relay.request("master", { ...request, method: "POST" }, signal), { code: "node.unavailable" });
  assert.equal(asked, 2);
  const slow = relayOver([linkTo("1", { master: true }, () => Promise.reject(new RequestTimeout("late")))]);
  await assert.rejects(slow.request("master", request, signal), { code: "node.unavailable" });
});

test("a peer that refuses this node's question is no problem of the client's token", async () => {
  const refuse = () => Promise.reject(new HerdError("auth.invalid", "node 1 was revoked"));
  const relay = relayOver([linkTo("1", { master: true }, refuse)]);
  await assert.rejects(relay.request("master", request, signal), { code: "node.unavailable", message: /revoked/ });
});

test("a node that a relayed request revoked says so, instead of that nothing is known", async () => {
  const cut = () => Promise.reject(new LinkBroken("the link ended: revoked"));
  const post = { ...request, method: "POST", target: "/v1/nodes/above/revoke" };
  const masters = [linkTo("1", { master: true }, cut)];
  const ask = (where: Where, revoked: boolean) => relayOver(masters, undefined, revoked).request(where, post, signal);
  const says = (message: RegExp, seconds: number | undefined) => ({
    code: seconds === undefined ? "node.revoked" : "node.unavailable",
    message,
    retryAfterSeconds: seconds,
  });
  const withSelf = { masterExcept: ["above", self] };
  await assert.rejects(ask(withSelf, true), says(/this node was revoked by the request/, undefined));
  await assert.rejects(ask(withSelf, false), says(/not known/, 1));
  await assert.rejects(ask({ masterExcept: ["above"] }, true), says(/not known/, 1));
});
