// A hostile member of a mesh of real nodes: each of its attacks over links is refused, and the mesh keeps working.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { listApps, showApp } from "../../../src/api/apps.js";
import { auditRecords, audit as auditRoute, auditVerdict } from "../../../src/api/audit.js";
import { join as joinRoute } from "../../../src/api/joins.js";
import { listMasters } from "../../../src/api/mesh.js";
import { narrowed } from "../../../src/api/route.js";
import { HerdError } from "../../../src/core/errors.js";
import { makeCsr } from "../../../src/pki/x509/csr.js";
import { rsaKey } from "../../../src/pki/x509/rsa-key.js";
import { parsedAnswer } from "../../contract.js";
import { call, deploy, meshSeenBy, nodeIdOf, seesAlive, startMesh, until } from "../../harness/processes/processes.js";
import { cheaply, joinRogue, refusedWith } from "../../harness/processes/refusals.js";
import { joinRequest } from "../../harness/processes/rogue.js";
import { hugeCsr } from "../../pki/x509/hand-made-csr.js";

const source = "export function twice(n: i32): i32 { return n * 2; }";
const timeout = { timeoutMs: 10_000 };
const recordsRoute = narrowed(auditRoute, auditRecords);

test("a hostile member without the deploy mark", async (context) => {
  const names = ["north", "east"];
  const mesh = await startMesh(context, names);
  const { token } = mesh;
  const [north, east] = mesh.nodes;
  assert.ok(north && east, "no north, or no east");
  await deploy(north, { app: "demo", text: source, token });
  const rogue = await joinRogue(context, mesh, { name: "rogue" });
  let heads: unknown = [];
  rogue.links.handle("audit-heads", () => heads);
  const [atNorth, atEast] = await Promise.all([rogue.linkTo(north), rogue.linkTo(east)]);
  const { json: audit } = await mesh.founder.client(token).call(recordsRoute);
  const healthy = async (): Promise<void> => {
    for (const node of [north, east]) {
      assert.ok(await seesAlive(node, { token, names }), `${node.ready.node} lost somebody`);
      assert.equal((await call(node, { path: "demo/twice", body: "[4]", token })).text, "8");
    }
    const { revoked } = await meshSeenBy(north, token);
    assert.deepEqual(revoked, []);
  };

  await context.test(
    "relays requests with no token, a false one, huge ones, and to what is not for peers",
    async () => {
      const relay = (change: object) => atNorth.request("http", { ...request, ...change }, timeout) as Promise<Relayed>;
      assert.equal((await relay({ target: "/v1/tokens", method: "POST" })).status, 401);
      const headers = { authorization: `Bearer ${token.slice(0, -4)}AAAA` };
      assert.equal((await relay({ target: "/v1/audit", headers })).status, 401);
      assert.equal((await relay({ target: "/metrics", remoteAddress: "127.0.0.1" })).status, 404);
      assert.equal(
        (await relay({ target: "/v1/sign-in", method: "POST", body: Buffer.from('{"code":"x"}') })).status,
        404,
      );
      assert.equal((await relay({ target: `/v1/nodes/${rogue.id}/drain`, method: "POST" })).status, 401);
      for (const change of [
        { baseUrl: "http://x" },
        { target: `//${"x".repeat(9_000)}` },
        { headers: { cookie: "a" } },
        { more: 1 },
      ]) {
        await assert.rejects(relay(change), refusedWith("request.malformed"));
      }
      await assert.rejects(relay({ body: "text" }), refusedWith("request.malformed"));
      const large = { target: "/v1/join", method: "POST", body: Buffer.alloc(7 * 1024 * 1024, 0x20) };
      await cheaply(north, async () => assert.equal((await relay(large)).status, 413));
    },
  );

  await context.test("claims that a join came from the address of another machine", async () => {
    const victim = "10.11.12.13";
    const made = await mesh.joinToken();
    const through = async (advertise: string): Promise<Relayed> => {
      const body = Buffer.from(await joinRequest(made, { advertise }));
      const relayed = { ...request, target: "/v1/join", method: "POST", body, remoteAddress: victim };
      return (await atNorth.request("http", relayed, timeout)) as Relayed;
    };
    const refused = await through(victim);
    assert.equal(refused.status, 403, text(refused));
    assert.match(text(refused), /through a node that is no master/);
    const joined = await through("localhost");
    assert.equal(joined.status, 200, text(joined));
    const enrolled = parsedAnswer(joinRoute, text(joined));
    assert.ok("signed" in enrolled, text(joined));
    const { public: open } = JSON.parse(enrolled.signed.payload) as { public: string };
    assert.doesNotMatch(new X509Certificate(open).subjectAltName ?? "", /10\.11/);
  });

  await context.test("fills the rate limit of joins with invented addresses", async () => {
    // Of the right shape: a body that the contract refuses costs a master nothing, and counts for no rate limit.
    const signed = { payload: "{}", signer: "0".repeat(32), signature: `${"A".repeat(86)}==` };
    const body = Buffer.from(JSON.stringify({ v: 1, signed }));
    const statuses: number[] = [];
    for (let round = 0; round < 8; round++) {
      const some = Array.from({ length: 16 }, async (_, index) => {
        const remoteAddress = `10.${round}.${index}.1`;
        const relayed = { ...request, target: "/v1/join", method: "POST", body, remoteAddress };
        return ((await atNorth.request("http", relayed, timeout)) as Relayed).status;
      });
      statuses.push(...(await Promise.all(some)));
    }
    assert.ok(statuses.filter((status) => status === 429).length >= 60, statuses.join());
    const late = await joinRogue(context, mesh, { name: "late" });
    assert.equal(late.identity.nodeName, "late", "who comes by itself is let in all the same");
  });

  await context.test("renews for hosts that were not approved, with a huge key, and without end", async () => {
    const csr = makeCsr(await rsaKey(2_048));
    const renew = (body: unknown) =>
      atNorth.request("renew", body, timeout) as Promise<{ peer?: string; public?: string }>;
    const current = rogue.identity.publicLeaf().certificate;
    const hosts = ["north.local", "10.11.12.13"];
    const given = await renew({
      peer: csr,
      public: csr,
      hosts,
      current,
      nodeId: "0".repeat(32),
      deploy: true,
      master: true,
    });
    const [peer, open] = [new X509Certificate(given.peer ?? ""), new X509Certificate(given.public ?? "")];
    assert.equal(peer.subjectAltName, `URI:spiffe://${rogue.identity.meshId}/node/${rogue.id}`);
    assert.doesNotMatch(open.subjectAltName ?? "", /north|10\.11/);
    await cheaply(north, () =>
      assert.rejects(renew({ peer: hugeCsr(), hosts: [] }), refusedWith("join.refused", /16384/)),
    );
    await assert.rejects(renew({ hosts: ["x".repeat(300)] }), refusedWith("request.malformed"));
    const flood = Array.from({ length: 60 }, () =>
      renew({ hosts: [] }).then(
        () => "fine",
        (error: HerdError) => error.code,
      ),
    );
    assert.ok(
      (await Promise.all(flood)).filter((code) => code === "request.throttled").length >= 40,
      "fewer than 40 are throttled",
    );
  });

  await context.test("writes forbidden events into the audit log, and reads what is for admins", async () => {
    const event = { kind: "audit", event: "join.approved", by: "rogue", subject: rogue.id, detail: "", at: Date.now() };
    const append = (body: unknown) => atNorth.request("audit", body, timeout);
    await assert.rejects(append(rogue.signed(event)), refusedWith("auth.invalid", /not for node/));
    await assert.rejects(
      append(rogue.signed({ ...event, event: "app.deployed" })),
      refusedWith("auth.invalid", /not for node/),
    );
    await assert.rejects(append({ deep: [[[]]] }), refusedWith("request.malformed"));
    const norths = JSON.stringify({ ...(JSON.parse(rogue.signed(event)) as object), signer: "0".repeat(32) });
    await assert.rejects(append(norths), refusedWith("auth.invalid", /its signer/));
    const page = { master: await nodeIdOf(north, token), from: 1 };
    await assert.rejects(atNorth.request("audit-log", page, timeout), refusedWith("auth.forbidden"));
    const { json: after } = await north.client(token).call(recordsRoute, { query: { event: "app.deployed" } });
    assert.equal(after.length, audit.filter(({ event: name }) => name === "app.deployed").length);
  });

  await context.test("sends heads of audit logs that no master signed: the log still verifies", async () => {
    const head = { kind: "head", master: rogue.id, seq: 1, hash: "0".repeat(64), at: 1 };
    const forged = rogue.signed({ ...head, master: await nodeIdOf(north, token), seq: 1_000_000 });
    for (const lie of [
      Array.from({ length: 100 }, (_, index) => "x".repeat(60_000) + index),
      [forged, rogue.signed(head), 7, null],
      "no list",
    ]) {
      heads = lie;
      const { ok, problems } = auditVerdict.parse(JSON.parse(await mesh.herd(["audit", "verify", "--json"])));
      assert.deepEqual({ ok, problems }, { ok: true, problems: [] });
    }
  });

  await context.test("spreads records that it may not sign, and a flood of them", async () => {
    const master = await nodeIdOf(north, token);
    const key = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";
    const common = { node: rogue.id, name: "north", key, at: Date.now() };
    const records: [string, object][] = [
      ["admission", { ...common, kind: "admission", parent: null, approvedBy: "me", deploy: true, master: true }],
      ["revocation", { kind: "revocation", node: master, at: 1, by: "me" }],
      ["address", { kind: "address", node: master, url: "https://evil:1", peer: "evil:1", at: Date.now() }],
      ["address", { kind: "address", node: rogue.id, url: "https://evil:1", peer: "evil:1", at: Date.now() }],
      ["head", { kind: "head", master, seq: 9_999, hash: "0".repeat(64), at: Date.now() }],
      [
        "token-revocation",
        { kind: "token-revocation", id: "0".repeat(16), expiresAt: Date.now() + 1e6, at: Date.now() },
      ],
      ["manifest", manifest(rogue.id)],
    ];
    for (const link of [atNorth, atEast]) {
      for (const [kind, payload] of records) link.notify("record", [kind, rogue.signed(payload)]);
      for (const body of [
        null,
        [],
        ["manifest"],
        ["no-kind", "{}"],
        ["grant", "x".repeat(70_000)],
        ["grant", rogue.signed({ ...common, kind: "grant" })],
      ]) {
        link.notify("record", body);
      }
      for (let count = 0; count < 2_000; count++) {
        link.notify("record", ["revocation", rogue.signed({ kind: "revocation", node: master, at: count, by: "me" })]);
      }
      assert.deepEqual(await link.request("record-ids", ["manifest", 7], timeout), []);
      assert.deepEqual(await link.request("records", ["grant", Array(20_000).fill("0".repeat(64))], timeout), [0, []]);
    }
    const { json: masters } = await north.client(undefined).call(listMasters);
    assert.doesNotMatch(JSON.stringify(masters), /evil/);
    await healthy();
  });

  await context.test("deploys by requests to hold a manifest that it signed, or changed", async () => {
    const hold = (text: unknown) => atEast.request("hold", { text }, timeout);
    await cheaply(east, () =>
      assert.rejects(hold(rogue.signed(manifest(rogue.id))), refusedWith("auth.invalid", /no deploy mark/)),
    );
    const author = await nodeIdOf(north, token);
    await assert.rejects(
      hold(rogue.signed(manifest(author))),
      refusedWith("auth.invalid", /another node than its author/),
    );
    const ids = (await atNorth.request("record-ids", ["manifest", ""], timeout)) as string[];
    const [, texts] = (await atNorth.request("records", ["manifest", ids], timeout)) as [number, string[]];
    const [real = ""] = texts;
    const payload = JSON.parse((JSON.parse(real) as { payload: string }).payload) as object;
    const tampered = JSON.stringify({
      ...(JSON.parse(real) as object),
      payload: JSON.stringify({ ...payload, app: "evil", version: 1 }),
    });
    await cheaply(east, () => assert.rejects(hold(tampered), refusedWith("auth.invalid", /signed/)));
    for (const body of [undefined, 7, "x".repeat(70_000)])
      await assert.rejects(hold(body), refusedWith("request.malformed"));
    await assert.rejects(
      atEast.request("blob", { digest: "0".repeat(64), offset: 0 }, timeout),
      refusedWith("revision.unknown"),
    );
    await assert.rejects(
      atEast.request("blob", { digest: "../../key", offset: 0 }, timeout),
      refusedWith("request.malformed"),
    );
    for (const node of [north, east]) {
      const { json: apps } = await node.client(token).call(listApps);
      assert.deepEqual(
        apps.map(({ app }) => app),
        ["demo"],
      );
    }
  });

  await context.test(
    "forwards calls with a forged hop, lies about members and load, and sends unknown kinds",
    async () => {
      const { revision } = (await north.client(token).call(showApp, { parameters: { app: "demo" } })).json;
      const frame = (hop: unknown) => [hop, "demo", revision, "twice", "json", "[4]", "a-1", 1_000, null];
      for (const hop of [0, 2, -1, "1", null]) {
        await cheaply(east, () =>
          assert.rejects(atEast.request("call", frame(hop), timeout), refusedWith("request.malformed", /hop/)),
        );
      }
      assert.equal(((await atEast.request("call", frame(1), timeout)) as unknown[])[0], 0);
      await assert.rejects(atEast.request("no-such-kind", null, timeout), refusedWith("internal", /knows no/));
      const [norths, easts] = [await nodeIdOf(north, token), await nodeIdOf(east, token)];
      const left = rogue.signed({
        kind: "member",
        node: norths,
        incarnation: 2 ** 49,
        state: "left",
        url: "https://evil:1",
      });
      const lies = [
        ["announce", left],
        ["dead", norths, Date.now() + 1e6, easts],
        ["suspect", easts, Date.now(), norths],
      ];
      for (const link of [atNorth, atEast]) {
        for (let count = 0; count < 200; count++) link.notify("members", lies);
        for (const kind of ["status", "revisions", "log", "members", "record", "leave", "cancel"]) {
          for (const body of [null, [[]], { a: 1 }, "x".repeat(100_000), [1e9, -1, Number.NaN, false, null, 0]])
            link.notify(kind, body);
        }
        for (const kind of [
          "ping",
          "ping-req",
          "members-sync",
          "record-digests",
          "record-ids",
          "records",
          "audit-heads",
        ]) {
          for (const body of [null, [[]], "x", [norths, 1, 2], Array(2_000).fill(0)]) {
            await link
              .request(kind, body, timeout)
              .catch((error: unknown) => assert.ok(error instanceof HerdError, String(error)));
          }
        }
      }
      await until("everybody is still there", () => healthy().then(() => true));
    },
  );

  await context.test("is revoked: its open links end, and no way leads back in", async () => {
    const gone = [north, east].map((node, index) =>
      until(`${node.ready.node} cuts it`, async () => [atNorth, atEast][index]?.notify("x", null) === false),
    );
    for (const node of [north, east]) await rogue.rejoin(node, undefined);
    await mesh.herd(["node", "revoke", "rogue"]);
    await Promise.all(gone);
    for (const node of [north, east]) {
      await cheaply(node, () => assert.rejects(rogue.linkTo(node), /revoked/));
    }
    // What was valid before: its key and its leaves. And a valid token.
    for (const token of [undefined, await mesh.joinToken()]) {
      for (const node of [north, east]) {
        await assert.rejects(rogue.rejoin(node, token), refusedWith("join.refused", /the node was revoked/));
      }
    }
  });
});

interface Relayed {
  readonly status: number;
  readonly body: Uint8Array;
}

/** A request as a node relays it for a client. */
const request = {
  method: "GET",
  target: "/v1/audit",
  headers: {},
  body: new Uint8Array(),
  remoteAddress: "10.0.0.9",
  baseUrl: "https://localhost:1",
};

function text({ body }: Relayed): string {
  return Buffer.from(body).toString("utf8");
}

/** A change of an app that was never made. */
function manifest(author: string): object {
  const version = { app: "evil", version: 1, at: Date.now(), author, by: "me", op: "remove" };
  return { kind: "manifest", ...version };
}
