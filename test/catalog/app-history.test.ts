// Manifests of one app settle the same everywhere: in any order, however often, cut anyhow, and with any pruning in
// between.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { appOf, kept } from "../../src/catalog/app-history.js";
import { sha256 } from "../../src/catalog/blobs.js";
import { revisionOf } from "../../src/catalog/entry.js";
import type { Manifest, ManifestRecord } from "../../src/catalog/manifest.js";
import { compareManifests } from "../../src/catalog/manifest-order.js";
import { type AppManifests, noManifests, withAnnounced, withHeld } from "../../src/catalog/manifest-set.js";

const hex = (text: string) => sha256(Buffer.from(text));

/** A manifest in short: the fields that decide its order. */
interface Short {
  readonly op: "deploy" | "rollback" | "remove";
  readonly version: number;
  readonly at: number;
  readonly component: number;
  readonly author: number;
}

function recordOf({ op, version, at, component, author }: Short): ManifestRecord {
  const digest = hex(`component ${component}`);
  const base = {
    ...({ kind: "manifest", mesh: "0".repeat(32), app: "app", version, at, by: "token" } as const),
    author: hex(`node ${author}`).slice(0, 32),
  };
  const manifest: Manifest =
    op === "remove"
      ? { ...base, op }
      : {
          ...base,
          op,
          revision: revisionOf(digest),
          component: digest,
          componentBytes: 1,
          source: hex(`source ${author}`),
          sourceBytes: 1,
          functions: [],
          public: author % 2 === 0,
          limits: { deadlineMs: 1, memoryBytes: 1 },
        };
  const payload = JSON.stringify(manifest);
  const signed = { payload, signer: base.author, signature: "" };
  return { id: hex(payload), signed, text: JSON.stringify(signed), manifest };
}

const short = fc.record<Short>({
  op: fc.constantFrom("deploy", "deploy", "deploy", "deploy", "rollback", "remove"),
  version: fc.integer({ min: 1, max: 25 }),
  at: fc.integer({ min: 1, max: 3 }),
  component: fc.integer({ min: 0, max: 14 }),
  author: fc.integer({ min: 0, max: 2 }),
});
const records = fc.array(short, { maxLength: 45 }).map((shorts) => shorts.map(recordOf));
const ids = (list: readonly ManifestRecord[]) => list.map(({ id }) => id);

test("manifests kept of a set are kept of any of its parts, pruned or not", () => {
  const property = fc.property(records, records, (left, right) => {
    const whole = kept([...left, ...right]);
    assert.deepEqual(ids(kept([...kept(left), ...right])), ids(whole));
    assert.deepEqual(ids(kept([...kept(right), ...kept(left)])), ids(whole));
    assert.deepEqual(ids(kept(whole)), ids(whole));
    assert.deepEqual(appOf(whole), appOf([...right, ...left, ...right]));
    assert.ok(whole.length <= 12, "a removal, ten deploys, and a rollback");
  });
  fc.assert(property, { numRuns: 2_000 });
});

test("nodes that received and held the same in any order, and any part twice, agree", () => {
  const steps = records.chain((all) =>
    fc.tuple(
      fc.constant(all),
      ...[0, 1, 2].map(() =>
        fc.tuple(
          fc.shuffledSubarray(all, { minLength: all.length }),
          fc.shuffledSubarray(all),
          fc.array(fc.boolean(), { minLength: all.length, maxLength: all.length }),
        ),
      ),
    ),
  );
  const property = fc.property(steps, ([all, ...nodes]) => {
    const states = nodes.map(([order, again, holds]) => {
      let state: AppManifests = noManifests;
      // As a node does: it receives all of them, and holds some at once and the others later, if they still matter.
      for (const [index, record] of [...order, ...again].entries()) {
        if (state.held.includes(record)) continue;
        state = withAnnounced(state, record);
        if (holds[index] === true && state.announced.includes(record)) state = withHeld(state, record);
      }
      while (state.announced.length > 0) state = withHeld(state, state.announced[0] as ManifestRecord);
      return state;
    });
    for (const { held } of states) assert.deepEqual(ids(held), ids(kept(all)));
  });
  fc.assert(property, { numRuns: 1_000 });
});

test("a higher version counts; then the later time; then the higher id", () => {
  const base: Short = { op: "deploy", version: 2, at: 2, component: 0, author: 0 };
  const current = (list: readonly Short[]) => appOf(list.map(recordOf))?.revision;
  const of = (component: number) => revisionOf(hex(`component ${component}`));
  assert.equal(current([{ ...base, component: 1, version: 3, at: 1 }, base]), of(1));
  assert.equal(current([{ ...base, component: 1, at: 3 }, base]), of(1));
  const [first, second] = [recordOf(base), recordOf({ ...base, component: 1 })];
  const higher = first.id > second.id ? first : second;
  assert.equal(appOf([first, second])?.revision, higher.manifest.op === "remove" ? "" : higher.manifest.revision);
  assert.deepEqual([second, first].sort(compareManifests).at(-1), higher);
});

test("a removal ends lower manifests, and no higher one", () => {
  const deploy = (version: number): Short => ({ op: "deploy", version, at: 1, component: version, author: 0 });
  const removal: Short = { op: "remove", version: 3, at: 1, component: 0, author: 0 };
  assert.equal(appOf([deploy(1), deploy(2), removal].map(recordOf)), undefined);
  const after = appOf([deploy(4), removal, deploy(1)].map(recordOf));
  assert.deepEqual(
    after?.revisions.map(({ revision }) => revision),
    [revisionOf(hex("component 4"))],
  );
});

test("a rollback to a revision that deploys elsewhere pushed out meanwhile still is an app of ten revisions", () => {
  const deploys = Array.from({ length: 12 }, (_, index) => ({ ...base, version: index + 1, component: index }));
  const app = appOf([...deploys, { ...base, op: "rollback" as const, version: 13, component: 0 }].map(recordOf));
  assert.equal(app?.revision, revisionOf(hex("component 0")));
  assert.equal(app?.revisions.length, 10);
  assert.ok(
    app?.revisions.some(({ revision }) => revision === app.revision),
    JSON.stringify(app?.revisions),
  );
});

const base: Short = { op: "deploy", version: 1, at: 1, component: 0, author: 0 };
