// Each thing that many share, when one takes all it can get: a row each, the others find room. A real mesh:
// `greedy-mesh.test.ts`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CallQueue } from "../../runtime/sandbox/pool/call-queue.js";
import { FunctionQueue, type PendingCall } from "../../runtime/sandbox/pool/pending-call.js";
import { answer } from "../../src/api/route.js";
import { sha256 } from "../../src/catalog/blobs.js";
import { manifestRecord } from "../../src/catalog/manifest.js";
import { ManifestStore } from "../../src/catalog/manifest-store.js";
import { systemClock } from "../../src/core/clock.js";
import { HerdError } from "../../src/core/errors.js";
import { LogRing } from "../../src/core/log-ring.js";
import { encodeSigned } from "../../src/core/signed.js";
import { systemTimers } from "../../src/core/timers.js";
import { BlobPulls } from "../../src/deploy/blob-pull.js";
import { BlobSource, chunkBytes } from "../../src/deploy/blob-source.js";
import { CallReceiver, type CallReceiverOptions } from "../../src/invoke/forwarding/call-receiver.js";
import { type From, type Handler, type Link, RequestTimeout } from "../../src/mesh/ports.js";
import { Auditor } from "../../src/pki/audit/auditor.js";
import { PendingJoins } from "../../src/pki/join/pending.js";
import type { JoinRequest } from "../../src/pki/join/request.js";
import { type AuditEvent, auditPayloadText } from "../../src/pki/registry/audit-record.js";
import { empty, endpoint } from "../../src/server/http/endpoint.js";
import { RelayedRequests } from "../../src/server/relay/relay-receiver.js";
import { MemoryFiles } from "../../src/storage/state-files.js";
import { TestSigner } from "../catalog/solo-mesh.js";
import { VirtualTime } from "../harness/virtual/virtual-time.js";
import { silent } from "../pki/audit/silent-log.js";
import { pendingCall } from "../runtime/sandbox/pending-calls.js";

const never = new AbortController().signal;

test("manifests that wait for their bytes: an author that announces without end leaves room for another", async () => {
  // The right to sign is judged before the signature: 20,000 true signatures would take seconds.
  const sign = (payload: string) => ({ payload, signer: "a".repeat(32), signature: "AA==" });
  const store = new ManifestStore(new MemoryFiles());
  await store.open();
  const announce = (author: string, app: string): boolean => {
    const base = {
      kind: "manifest",
      mesh: "0".repeat(32),
      app,
      version: 1,
      at: 1,
      author,
      by: "",
      op: "remove",
    } as const;
    return store.announce(manifestRecord(base, sign));
  };
  const [greedy, modest] = ["a".repeat(32), "b".repeat(32)];
  let taken = 0;
  while (taken < 20_000 && announce(greedy, `evil${taken}`)) taken++;
  assert.equal(taken, 10_000);
  assert.ok(announce(modest, "good"), "the modest peer is refused");
});

const done = answer("Done.");

test("relayed requests: two peers and one token that ask without end leave room for others", async () => {
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const route = {
    method: "POST",
    path: "/v1/slow",
    summary: "",
    role: "none",
    at: "master",
    answers: { 204: done },
  } as const;
  const slow = endpoint(route, {
    handle: async () => {
      await gate;
      return empty();
    },
  });
  const relayed = new RelayedRequests({
    endpoints: [slow],
    tokens: undefined as never,
    hold: () => () => undefined,
    isHere: () => true,
    clock: systemClock,
    log: silent,
  });
  const request = { method: "POST", target: "/v1/slow", body: new Uint8Array(), baseUrl: "https://localhost:1" };
  const ended: string[] = [];
  const ask = (node: string, authorization: string): void => {
    const asked = { ...request, headers: { authorization }, remoteAddress: "127.0.0.1" };
    void relayed.answer(asked, { node, signal: never }).then(({ status }) => ended.push(`${node} ${status}`));
  };
  for (let index = 0; index < 100; index++) ask("one", `Bearer ${index}`);
  for (let index = 0; index < 100; index++) ask("two", `Bearer ${index}`);
  ask("three", "Bearer modest");
  for (let index = 0; index < 20; index++) ask("four", "Bearer 0");
  await new Promise((resolve) => setImmediate(resolve));
  const count = (text: string) => ended.filter((line) => line === text).length;
  assert.deepEqual([count("one 503"), count("two 503"), count("three 503")], [68, 84, 0]);
  assert.ok(count("four 429") + count("four 503") >= 4, "of one token, 16 at a time");
  open();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(count("three 204"), 1);
});

test("requests to join: the address that sends the most gives way to one that sends its first", () => {
  const joins = new PendingJoins({ clock: systemClock, keeper: "0".repeat(32) });
  const add = (source: string, index: number) => {
    const request = { nodeId: `${source} ${index}` } as JoinRequest;
    return joins.add(request, { code: "", address: source, parent: "", source });
  };
  for (const source of ["a", "b", "c", "d"]) for (let index = 0; index < 16; index++) add(source, index);
  assert.throws(() => add("a", 16), { code: "request.throttled" });
  const modest = add("e", 0);
  assert.equal(joins.ofTicket(modest.ticket), modest);
});

test("audit records that no master takes: who does the most loses its own, not those of others", async () => {
  const time = new VirtualTime();
  const signer = new TestSigner();
  const files = new MemoryFiles();
  const meshId = "0".repeat(32);
  const auditor = new Auditor({
    meshId,
    signer,
    files,
    clock: time,
    timers: time,
    log: silent,
    deliver: () => Promise.reject(new Error("no master")),
  });
  const event = (by: string): AuditEvent => ({ event: "app.deployed", by, subject: "app", detail: "" });
  const textOf = (by: string) => encodeSigned(signer.sign(auditPayloadText(event(by), { meshId, at: 1 })));
  const greedy = textOf("greedy");
  await files.write("outbox", [textOf("modest"), ...Array.from({ length: 999 }, () => greedy)].join("\n"));
  await auditor.open();
  for (let count = 0; count < 5; count++) await auditor.record(event("greedy"));
  assert.equal(auditor.waiting, 1_000);
  const kept = (await files.read("outbox"))?.toString() ?? "";
  assert.match(kept, /\\"by\\":\\"modest\\"/);
});

test("log lines: an app that logs without end pushes out its own, not those of others and of the node", () => {
  const line = (message: string, app?: string) =>
    ({ at: 1, node: "n", level: "info", message, ...(app === undefined ? {} : { app }) }) as const;
  const ring = new LogRing({ maxRecords: 1_000 });
  ring.add(line("the node's own"));
  for (let index = 0; index < 10; index++) ring.add(line(`modest ${index}`, "modest"));
  for (let index = 0; index < 50_000; index++) ring.add(line(`greedy ${index}`, "greedy"));
  const kept = ring.read();
  assert.equal(kept.length, 1_000);
  assert.deepEqual(
    [kept[0]?.message, kept[1]?.message, kept.at(-1)?.message],
    ["the node's own", "modest 0", "greedy 49999"],
  );
  assert.equal(ring.read({ app: "modest" }).length, 10);
  for (let index = 0; index < 990; index++) ring.add(line(`late ${index}`, "late"));
  const [greedy, late] = ["greedy", "late"].map((app) => ring.read({ app }).length);
  assert.ok((greedy ?? 0) > 300 && (late ?? 0) > 300, `${greedy} ${late}`);
  assert.equal(ring.read({ app: "modest" }).length, 10);
});

test("calls that wait: an app whose calls fill the queue gives way to another's", () => {
  const queue = new CallQueue();
  const functions = new Map<string, FunctionQueue>();
  const callOf = (revision: string): PendingCall => {
    const own = functions.get(revision) ?? new FunctionQueue();
    functions.set(revision, own);
    return pendingCall(own, { revision });
  };
  const count = { weigh: () => 1, added: 1 };
  const greedy = Array.from({ length: 100 }, () => callOf("greedy"));
  for (const call of greedy) queue.push(call);
  assert.equal(queue.giveWay("greedy", count), undefined, "its own flood is refused");
  for (let index = 0; index < 49; index++) {
    assert.equal(queue.giveWay("modest", count), greedy.at(-1 - index), "the latest first");
    queue.push(callOf("modest"));
  }
  assert.equal(queue.length, 100);
  queue.giveWay("modest", count);
  queue.push(callOf("modest"));
  assert.equal(queue.giveWay("modest", count), undefined, "half each");
});

test("calls that peers send: one that floods is refused, another's calls run", async () => {
  let handler: Handler | undefined;
  const receiver = new CallReceiver({
    links: { handle: (_kind: string, answer: Handler) => (handler = answer) },
    router: { find: () => ({ prepared: { revision: "0123456789ab" }, functions: new Map([["f", {}]]) }) },
    local: { begin: () => undefined },
    load: {
      draining: false,
      allowance: { state: "free" },
      read: () => ({ slots: 1, queued: 0 }),
      track: (end: unknown) => end,
    },
    workModel: { works: { of: () => ({ units: 1 }) } },
    statuses: { received: () => undefined, report: () => [] },
    logs: { logFor: () => undefined },
    metrics: { received: () => undefined },
    limits: { deadlineMs: 5_000, queueLength: 100 },
    clock: systemClock,
    nextInvocation: () => "a-1",
  } as unknown as CallReceiverOptions);
  receiver.start();
  const frame = [1, "app", "0123456789ab", "f", "json", "[]", "a-1", 1_000, null];
  const from = (nodeId: string) => ({ peer: { nodeId }, link: {}, signal: never, aborted: false }) as unknown as From;
  const isRefused = (nodeId: string): boolean => Array.isArray(handler?.(frame, from(nodeId)));
  const refused = Array.from({ length: 200 }, () => isRefused("greedy")).filter(Boolean).length;
  assert.equal(refused, 150);
  assert.equal(isRefused("modest"), false);
});

test("a peer that pulls many blobs at once receives one at a time, and takes no share of another peer", async () => {
  const blobs = new Map(
    Array.from({ length: 9 }, (_, index) => [sha256(Buffer.from(`${index}`)), Buffer.alloc(2 * chunkBytes, index)]),
  );
  const digests = [...blobs.keys()];
  const reads: string[] = [];
  let [running, most] = [0, 0];
  const records = {
    hasBlob: (digest: string) => blobs.has(digest),
    blob: async (digest: string) => {
      reads.push(digest);
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      return blobs.get(digest);
    },
  };
  const source = new BlobSource({ records, timers: systemTimers, clock: systemClock });
  const [wanted = ""] = digests;
  await source.answer({ digest: wanted, offset: 0 }, { peer: "modest" });
  const others = digests.slice(1).map((digest) => source.answer({ digest, offset: 0 }, { peer: "greedy" }));
  await Promise.all(others);
  assert.equal(most, 1);
  await source.answer({ digest: wanted, offset: chunkBytes }, { peer: "modest" });
  assert.equal(reads.filter((digest) => digest === wanted).length, 1);
});

test("a slow source of a blob gives way to a fast one, comes last from then on, and serves when alone", async () => {
  const time = new VirtualTime();
  const content = Buffer.alloc(4 * chunkBytes, "bytes");
  const wanted = { digest: sha256(content), bytes: content.length, author: "author" };
  const requests: string[] = [];
  /** A peer that takes so long for each chunk. */
  const peer = (nodeId: string, chunkMs: number): Link => ({
    peer: { nodeId, serial: "", issuer: "", master: false, deploy: false, notAfter: 0 },
    hello: { address: undefined, url: "" },
    rttMs: 1,
    notify: () => true,
    request: async (_kind, body, { timeoutMs }) => {
      requests.push(nodeId);
      const { offset } = body as { offset: number };
      await new Promise<void>((resolve) => time.after(Math.min(chunkMs, timeoutMs), resolve));
      if (chunkMs > timeoutMs) throw new RequestTimeout("no answer");
      return { bytes: content.subarray(offset, offset + chunkBytes), total: content.length };
    },
  });
  const pulls = new BlobPulls({ clock: time, log: silent, signal: { aborted: false } });
  const pulled = async (links: readonly Link[]): Promise<number> => {
    const began = time.monotonic();
    let done: Buffer | Error | undefined;
    pulls.pull(wanted, links).then(
      (content) => {
        done = content;
      },
      (error: Error) => {
        done = error;
      },
    );
    while (done === undefined) await time.advance(50);
    if (done instanceof Error) throw done;
    assert.ok(done.equals(content), "other bytes came");
    return time.monotonic() - began;
  };
  const [drips, holds, brisk] = [peer("drips", 4_500), peer("holds", 600_000), peer("brisk", 10)];
  const ms = await pulled([drips, holds, brisk]);
  assert.ok(ms <= 2 * 2_000 + 500, `${ms} ms`);
  requests.length = 0;
  await pulled([drips, holds, brisk]);
  assert.deepEqual([...new Set(requests)], ["brisk"]);
  assert.ok((await pulled([holds, drips])) < 4 * 4_500 + 15_000, "a slow line still delivers");
  await assert.rejects(pulled([holds, peer("trickles", 9_500)]), HerdError);
});
