// Deploys while calls run, over the real sandbox and catalog; order, bounds and failures of deploys.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Compiler } from "../../runtime/compile/compiler.js";
import { Sandbox } from "../../runtime/sandbox/sandbox.js";
import { Catalog } from "../../src/catalog/catalog.js";
import { systemClock } from "../../src/core/clock.js";
import { HerdError } from "../../src/core/errors.js";
import { defaultLimits } from "../../src/core/limits.js";
import type { Logger } from "../../src/core/log.js";
import { decodeSigned } from "../../src/core/signed.js";
import { Activation } from "../../src/deploy/activation.js";
import { Deployer, type DeployerOptions } from "../../src/deploy/deployer.js";
import type { Compiler as CompilerPort, DeployEvent, Spread } from "../../src/deploy/ports.js";
import { AppRouter } from "../../src/invoke/app-router.js";
import { LocalInvoker } from "../../src/invoke/invoker.js";
import { MemoryFiles } from "../../src/storage/state-files.js";
import { soloMesh } from "../catalog/solo-mesh.js";
import { invoke } from "../harness/invoke.js";
import { patientLimits } from "../runtime/compile/compiling.js";

const clock = systemClock;
const limits = defaultLimits;
const by = "test";
const ignore = (): void => undefined;
const log: Logger = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };

let sandbox: Sandbox;
let compilations: Awaited<ReturnType<Compiler["compile"]>>[];

before(async () => {
  sandbox = new Sandbox({ workers: 2, limits, nodeName: "test", clock });
  await sandbox.start();
  const compiler = new Compiler({ limits: patientLimits });
  compilations = [];
  for (let value = 0; value < 4; value++) {
    const text = `export function value(): i32 { return ${value}; }`;
    compilations.push(await compiler.compile([{ path: "index.ts", text }]));
  }
  await compiler.stop();
});

after(() => sandbox.stop());

async function setUp(compiler: CompilerPort, maxWaiting = 32, more: Partial<DeployerOptions> = {}) {
  const catalog = new Catalog({ files: new MemoryFiles(), clock, ...soloMesh() });
  await catalog.open();
  const router = new AppRouter((revision) => sandbox.forget(revision));
  const activation = new Activation({ catalog, preparer: sandbox, switch: router });
  const deployer = new Deployer({ compiler, catalog, activation, clock, log, node: "test", maxWaiting, ...more });
  return { catalog, router, deployer, invoker: new LocalInvoker(sandbox) };
}

/** A compiler that has its answers: the file's text is the index of one. */
const ready: CompilerPort = {
  async compile(files) {
    const compilation = compilations[Number(files[0]?.text)];
    if (compilation === undefined) throw new HerdError("source.invalid", "no such compilation");
    return compilation;
  },
};

const fileOf = (value: number) => [{ path: "index.ts", text: String(value) }];

test("200 deploys while calls run: none fails", async () => {
  const { router, deployer, invoker } = await setUp(ready);
  await deployer.deploy({ app: "switch", files: fileOf(0), by: "test" });
  let deploying = true;
  let calls = 0;
  const caller = async () => {
    while (deploying) {
      const app = router.find("switch");
      assert.ok(app, "no app");
      const deadline = clock.now() + limits.deadlineMs;
      const signal = new AbortController().signal;
      const call = {
        app,
        function: "value",
        arguments: { format: "json", body: "" },
        id: "x",
        deadline,
        signal,
      } as const;
      assert.match(String((await invoke(invoker, call)).json), /^[0-3]$/);
      calls++;
    }
  };
  const callers = [caller(), caller(), caller(), caller()];
  for (let index = 1; index <= 200; index++) {
    const { prepared } = await deployer.deploy({ app: "switch", files: fileOf(index % 4), by: "test" });
    assert.equal(router.find("switch")?.prepared.revision, prepared.revision);
    // A call at least between two switches, however slow the machine is.
    for (const before = calls; calls === before; ) await sleep(1);
  }
  deploying = false;
  await Promise.all(callers);
  assert.ok(calls >= 200, `${calls} calls`);
});

test("deploys of one app happen in the order they came", async () => {
  const { catalog, deployer } = await setUp(ready);
  const deployed = await Promise.all(
    [0, 1, 2, 3].map((value) => deployer.deploy({ app: "order", files: fileOf(value), by: String(value) })),
  );
  assert.deepEqual(
    deployed.map(({ created }) => created),
    [true, false, false, false],
  );
  assert.deepEqual(
    catalog.get("order")?.revisions.map(({ by }) => by),
    ["0", "1", "2", "3"],
  );
});

test("a deploy that fails changes nothing", async () => {
  const { catalog, router, deployer } = await setUp(ready);
  await deployer.deploy({ app: "stays", files: fileOf(1), by: "test" });
  const before = router.find("stays");
  await assert.rejects(deployer.deploy({ app: "stays", files: fileOf(9), by: "test" }), { code: "source.invalid" });
  assert.equal(router.find("stays"), before);
  assert.equal(catalog.get("stays")?.revisions.length, 1);
});

test("uploads over the bound are refused at once", async () => {
  let open = ignore;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const slow: CompilerPort = { compile: (files, options) => gate.then(() => ready.compile(files, options)) };
  const { deployer } = await setUp(slow, 4);
  const upload = (by: string) => deployer.deploy({ app: by, files: fileOf(0), by });
  const deploys = [upload("a"), upload("a"), upload("b")];
  await assert.rejects(upload("a"), { code: "request.throttled", retryAfterSeconds: 5 });
  deploys.push(upload("c"));
  await assert.rejects(upload("d"), { code: "compile.busy", retryAfterSeconds: 5 });
  assert.equal(deployer.busy, true);
  open();
  await Promise.all(deploys);
  assert.equal(deployer.busy, false);
});

test("many uploads of one app are refused over the bound, and the last accepted one wins", async () => {
  const { catalog, router, deployer } = await setUp(ready, 6);
  const uploads = Array.from({ length: 500 }, (_, index) =>
    deployer.deploy({ app: "one", files: fileOf(index % 4), by: String(index) }),
  );
  const settled = await Promise.allSettled(uploads);
  const refused = settled.filter((upload) => upload.status === "rejected");
  assert.equal(refused.length, 494);
  assert.ok(
    refused.every(({ reason }) => reason instanceof HerdError && reason.code === "compile.busy"),
    JSON.stringify(refused),
  );
  const record = catalog.get("one");
  assert.deepEqual(
    record?.revisions.map(({ by }) => by),
    ["2", "3", "4", "5"],
  );
  assert.equal(record?.revision, record?.revisions.at(-1)?.revision);
  assert.equal(router.find("one")?.prepared.revision, record?.revision);
  await deployer.deploy({ app: "one", files: fileOf(0), by: "later" });
});

test("a compiled upload that waits for its app's lock counts towards the bound", async () => {
  const { catalog, deployer } = await setUp(ready, 4);
  let open = ignore;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const put = catalog.put.bind(catalog);
  let stored = ignore;
  const storing = new Promise<void>((resolve) => {
    stored = resolve;
  });
  catalog.put = (deployment) => {
    stored();
    return gate.then(() => put(deployment));
  };
  const uploads = [0, 1].map((value) => deployer.deploy({ app: "slow", files: fileOf(value), by: "test" }));
  await storing;
  await sleep(50);
  await assert.rejects(deployer.deploy({ app: "slow", files: fileOf(2), by: "test" }), { code: "request.throttled" });
  open();
  await Promise.all(uploads);
});

test("a rollback to a revision that cannot be prepared changes nothing", async () => {
  const { catalog, router, deployer } = await setUp(ready);
  const broken = await catalog.put({ app: "back", component: Buffer.from("not wasm"), source: [], functions: [], by });
  await deployer.deploy({ app: "back", files: fileOf(1), by: "test" });
  const before = { record: catalog.get("back"), active: router.find("back") };
  await assert.rejects(deployer.rollback("back", { by }));
  await assert.rejects(deployer.rollback("back", { revision: broken.revision, by }));
  await assert.rejects(deployer.rollback("back", { revision: "0123456789ab", by }), { code: "revision.unknown" });
  assert.equal(catalog.get("back"), before.record);
  assert.equal(router.find("back"), before.active);
  await deployer.deploy({ app: "back", files: fileOf(2), by: "test" });
  const { revision } = (await deployer.rollback("back", { by })).prepared;
  assert.equal(revision, before.active?.prepared.revision);
  assert.equal(catalog.get("back")?.revision, revision);
});

test("a token that changes apps without end meets its rate limit, and no other token does", async () => {
  const { deployer } = await setUp(ready);
  await deployer.deploy({ app: "busy", files: fileOf(0), by: "other" });
  const change = (name: string) => deployer.rollback("busy", { by: name, revision: "0123456789ab" });
  for (let count = 0; count < 250; count++) await assert.rejects(change("greedy"), { code: "revision.unknown" });
  await assert.rejects(change("greedy"), { code: "request.throttled", retryAfterSeconds: 1 });
  await assert.rejects(change("other"), { code: "revision.unknown" });
});

test("an upload whose client disconnected while it waited is not compiled", async () => {
  const { catalog, deployer } = await setUp(ready);
  const left = AbortSignal.abort();
  await assert.rejects(deployer.deploy({ app: "left", files: fileOf(0), by: "test", signal: left }), {
    name: "AbortError",
  });
  assert.equal(catalog.get("left"), undefined);
});

test("restore activates the apps of a catalog, and continues after one that cannot be prepared", async () => {
  const { catalog, router, deployer } = await setUp(ready);
  await catalog.put({ app: "broken", component: Buffer.from("not wasm"), source: [], functions: [], by });
  const component = compilations[2]?.component ?? new Uint8Array();
  await catalog.put({ app: "whole", component, source: [], functions: [], by });
  await deployer.restore();
  assert.ok(router.find("whole"), "whole");
  assert.equal(router.find("broken"), undefined);
});

test("a change is logged in the audit log when it is stored, and waits until others hold it", async () => {
  const events: DeployEvent[] = [];
  const asked: string[] = [];
  const spread: Spread = {
    async acknowledge({ text }) {
      asked.push(JSON.parse(decodeSigned(text)?.payload ?? "{}").op);
      if (asked.length === 4) throw new HerdError("node.overloaded", "nobody", { retryAfterSeconds: 1 });
      return ["other"];
    },
  };
  const { catalog, router, deployer } = await setUp(ready, 32, { spread, audit: (event) => events.push(event) });
  const { nodes, prepared } = await deployer.deploy({ app: "app", files: fileOf(0), by: "me" });
  assert.deepEqual(nodes, ["test", "other"]);
  await deployer.deploy({ app: "app", files: fileOf(1), by: "me" });
  assert.deepEqual((await deployer.rollback("app", { by: "you" })).nodes, ["test", "other"]);
  await assert.rejects(deployer.remove("app", { by: "me" }), { code: "node.overloaded" });
  assert.deepEqual(asked, ["deploy", "deploy", "rollback", "remove"]);
  assert.equal(catalog.get("app"), undefined, "it is done here all the same");
  assert.equal(router.find("app"), undefined);
  assert.deepEqual(
    events.map(({ event, subject, by: who }) => `${event} ${subject} ${who}`),
    ["app.deployed app me", "app.deployed app me", "app.rolled-back app you", "app.removed app me"],
  );
  assert.match(events[0]?.detail ?? "", new RegExp(prepared.revision));
});

test("a node without the deploy mark changes nothing", async () => {
  const { catalog, deployer } = await setUp(ready, 32, { mayDeploy: () => false });
  await assert.rejects(deployer.deploy({ app: "app", files: fileOf(0), by }), { code: "auth.forbidden" });
  await assert.rejects(deployer.rollback("app", { by }), { code: "auth.forbidden" });
  await assert.rejects(deployer.remove("app", { by }), { code: "auth.forbidden" });
  assert.deepEqual(catalog.list(), []);
});
