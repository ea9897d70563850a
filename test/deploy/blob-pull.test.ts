// Bytes from peers: in chunks, from the first peer with the right ones, and never more than the manifest states.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sha256 } from "../../src/catalog/blobs.js";
import { systemClock } from "../../src/core/clock.js";
import { HerdError } from "../../src/core/errors.js";
import type { Logger } from "../../src/core/log.js";
import { systemTimers } from "../../src/core/timers.js";
import { BlobPulls } from "../../src/deploy/blob-pull.js";
import { BlobSource, chunkBytes } from "../../src/deploy/blob-source.js";
import { type Link, LinkBroken } from "../../src/mesh/ports.js";

const ignore = (): void => undefined;

/** A link to a peer with a scripted answer to requests for blobs. */
function linkTo(
  nodeId: string,
  answer: (body: { digest: string; offset: number }) => unknown,
): Link & { requests: number } {
  return {
    requests: 0,
    peer: { nodeId, serial: "", issuer: "", master: false, deploy: false, notAfter: 0 },
    hello: { address: undefined, url: "" },
    rttMs: 1,
    notify: () => true,
    async request(kind, body) {
      assert.equal(kind, "blob");
      this.requests++;
      return answer(body as { digest: string; offset: number });
    },
  };
}

const content = Buffer.alloc(3 * chunkBytes + 17, "the bytes of a component ");
const wanted = { digest: sha256(content), bytes: content.length, author: "author" };

/** The answer of a node that holds `content`; counts its reads. */
function holder(held: Buffer = content) {
  const reads: string[] = [];
  const records = {
    hasBlob: (digest: string) => digest === wanted.digest,
    blob: async (digest: string) => {
      reads.push(digest);
      return digest === wanted.digest ? held : undefined;
    },
  };
  const source = new BlobSource({ records, timers: systemTimers, clock: systemClock });
  return { source, reads, link: linkTo("holder", (body) => source.answer(body, { peer: "puller" })) };
}

function pulls() {
  const warnings: string[] = [];
  const log: Logger = {
    trace: ignore,
    debug: ignore,
    info: ignore,
    warn: (text) => warnings.push(text),
    error: ignore,
  };
  return { pulls: new BlobPulls({ clock: systemClock, log, signal: { aborted: false } }), warnings };
}

test("a blob of several chunks arrives whole, is read once, and two callers share the pull", async () => {
  const { link, reads } = holder();
  const { pulls: both } = pulls();
  const [one, two] = await Promise.all([both.pull(wanted, [link]), both.pull(wanted, [link])]);
  assert.ok(one.equals(content), "other bytes came");
  assert.equal(one, two);
  assert.equal(link.requests, 4);
  assert.deepEqual(reads, [wanted.digest]);
});

test("a source that has nothing, fails, lies about the size, is slow or sends other bytes is passed over", async () => {
  const good = holder();
  const bad = [
    linkTo("without", () => Promise.reject(new HerdError("revision.unknown", "not here"))),
    linkTo("broken", () => Promise.reject(new LinkBroken("gone"))),
    linkTo("huge", () => ({ bytes: Buffer.alloc(chunkBytes), total: 2 ** 50 })),
    linkTo("trickle", () => ({ bytes: Buffer.alloc(1), total: content.length })),
    linkTo("empty", () => ({ bytes: Buffer.alloc(0), total: content.length })),
    linkTo("garbage", () => "bytes"),
    holder(Buffer.alloc(content.length, "other bytes")).link,
  ];
  const { pulls: from, warnings } = pulls();
  assert.ok((await from.pull(wanted, [...bad, good.link])).equals(content), "other bytes came");
  assert.deepEqual(warnings, ["a peer gave other bytes than those that were asked for"]);
  for (const { requests } of bad.slice(0, -1)) assert.equal(requests, 1);
  await assert.rejects(from.pull(wanted, bad), { code: "node.unavailable" });
  assert.ok((await from.pull(wanted, [good.link])).equals(content), "a failure is not remembered");
});

test("a request for a blob that is not held, or a malformed request, is refused", async () => {
  const { source, reads } = holder();
  const refuses = (body: unknown, code: string) => assert.rejects(source.answer(body, { peer: "puller" }), { code });
  await refuses({ digest: "0".repeat(64), offset: 0 }, "revision.unknown");
  assert.deepEqual(reads, []);
  for (const body of [undefined, null, "x", {}, { digest: "../index", offset: 0 }, { ...wanted, offset: 0 }]) {
    await refuses(body, "request.malformed");
  }
  for (const offset of [-1, 1.5, Number.NaN, content.length, 2 ** 60]) {
    await refuses({ digest: wanted.digest, offset }, "request.malformed");
  }
});
