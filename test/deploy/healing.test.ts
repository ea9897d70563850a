// Apps that could not be prepared for want of time or memory are prepared later; those that are wrong are not tried
// again.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sha256 } from "../../src/catalog/blobs.js";
import type { AppRecord } from "../../src/catalog/model.js";
import { HerdError } from "../../src/core/errors.js";
import { Activation } from "../../src/deploy/activation.js";
import { Healing } from "../../src/deploy/healing.js";
import type { Preparer } from "../../src/deploy/ports.js";
import { ManualTime } from "../harness/virtual/manual-time.js";
import { silent } from "../pki/audit/silent-log.js";

const ignore = (): void => undefined;
const component = Buffer.from("a component");

/** A node with one app, whose component meets `failures` before it can be prepared. */
function nodeWith(failures: HerdError[]) {
  const time = new ManualTime();
  const running = new Set<string>();
  const record = { app: "one", revision: "1", public: true } as AppRecord;
  let tries = 0;
  const preparer: Pick<Preparer, "prepare"> = {
    prepare: async (_, revision) => {
      tries++;
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      return { revision, interface: { version: 1, functions: [], records: [], enums: [] } };
    },
  };
  const activation = new Activation({
    catalog: {
      get: () => record,
      digestOf: () => sha256(component),
      component: async () => component,
    },
    preparer: preparer as Preparer,
    switch: { activate: (app) => running.add(app), remove: (app) => running.delete(app) },
  });
  const healing = new Healing({
    records: { lacking: () => [], missing: () => [], restore: async () => undefined },
    activation,
    links: { all: () => [], watch: () => ignore },
    clock: time,
    timers: time,
    random: Math.random,
    log: silent,
  });
  return { time, running, activation, healing, tries: () => tries };
}

test("an app that a slow machine could not prepare at the start runs later, and is then left alone", async () => {
  const slow = () => new HerdError("compile.timeout", "the component was not checked within 60000 ms");
  const node = nodeWith([slow(), slow()]);
  await assert.rejects(node.activation.settle("one"));
  node.healing.start();
  await node.time.pass(14_000);
  assert.equal(node.tries(), 1, "not tried again at once");
  await node.time.pass(2_000);
  assert.equal(node.tries(), 2);
  assert.ok(!node.running.has("one"), "one");
  await node.time.pass(15_000);
  assert.ok(node.running.has("one"), "it runs");
  await node.time.pass(60_000);
  assert.equal(node.tries(), 3);
  await node.healing.stop();
});

test("an app whose component is wrong is not prepared again", async () => {
  const node = nodeWith([new HerdError("source.invalid", "the component has too many globals")]);
  await assert.rejects(node.activation.settle("one"));
  node.healing.start();
  await node.time.pass(60_000);
  assert.equal(node.tries(), 1);
  await node.healing.stop();
});
