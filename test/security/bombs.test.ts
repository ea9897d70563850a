// Input that takes seconds to examine, from a member and by uploads: the node answers others meanwhile without a break.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Link } from "../../src/mesh/ports.js";
import type { NodeProcess } from "../../src/testing/node-process.js";
import { withRetries } from "../../src/testing/retry.js";
import { call, deploy, startMesh, until } from "../harness/processes/processes.js";
import { joinRogue } from "../harness/processes/refusals.js";
import type { Rogue } from "../harness/processes/rogue.js";
import { bareModule, coreModule, repeated, section, tedious, wrapped } from "./forge.js";
import { LatencyProbe } from "./latency-probe.js";

/** More than an honest answer takes on a busy machine, and less than any bomb blocked a node for. */
const breakMs = 500;
/** A machine that is busy with other things spoils a round. */
const rounds = 4;
const chunkBytes = 256 * 1024;

const globals = repeated(Buffer.of(0x7f, 1, 0x41, 0, 0x0b), 6_000_000);
const imports = repeated(Buffer.of(0, 0, 0, 0), 8_000_000);
/** Each takes seconds where nothing bounds it, or the main thread looks at it. */
const components: Record<string, () => Buffer> = {
  "400,000 empty functions": () =>
    wrapped(bareModule(), {
      interface: Buffer.from(`{"version":1,"functions":[${"{},".repeat(400_000)}{}],"records":[],"enums":[]}`),
    }),
  "6 million globals": () => wrapped(coreModule([section(6, globals)])),
  "8 million imports": () => wrapped(coreModule([section(2, imports)])),
  "eleven functions of two megabytes": () => tedious(11),
};

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

interface Sender {
  readonly app: string;
  readonly rogue: Rogue;
  readonly node: NodeProcess;
  readonly link: Link;
  /** What the member gives to those that ask. */
  readonly blobs: Map<string, Buffer>;
}

/** Lets a member announce a component and the node pull and refuse it. */
async function announce(component: Buffer, { app, rogue, node, blobs, link }: Sender): Promise<void> {
  const source = Buffer.from(JSON.stringify([{ path: "index.ts", text: app }]));
  blobs.clear();
  for (const bytes of [component, source]) blobs.set(sha256(bytes), bytes);
  const head = { kind: "manifest", app, version: 1, at: Date.now(), author: rogue.id, by: "me", op: "deploy" };
  const what = { component: sha256(component), componentBytes: component.length, source: sha256(source) };
  const rest = { revision: what.component.slice(0, 12), sourceBytes: source.length, functions: [], public: true };
  const limits = { deadlineMs: 5_000, memoryBytes: 2 ** 26 };
  link.notify("record", ["manifest", rogue.signed({ ...head, ...what, ...rest, limits })]);
  await until(`a refusal of ${app}`, async () =>
    node.lines.some((line) => line.includes(`"${app}"`) && line.includes("source.invalid")),
  );
}

/** Classes that hold each other twice over, twelve levels, and functions of the top one. */
function tree(tag: number): string {
  const levels = Array.from(
    { length: 12 },
    (_, level) => `export class B${level + 1} { a: Array<B${level}> = []; b: Array<B${level}> = []; }`,
  );
  const functions = Array.from({ length: 20 }, (_, n) => `export function f${n}(v: B12): i32 { return ${n + tag}; }`);
  return ["export class B0 { x: i32 = 0; }", ...levels, ...functions].join("\n");
}

/** A round in which no answer took longer than one may, or twice as long as when all was quiet. */
async function unnoticed(
  { probe, what, context }: { probe: LatencyProbe; what: string; context: TestContext },
  act: (round: number) => Promise<unknown>,
): Promise<void> {
  const told: string[] = [];
  for (let round = 0; round < rounds; round++) {
    await probe.longestMs();
    await sleep(300);
    const quietMs = await probe.longestMs();
    await act(round);
    const longestMs = await probe.longestMs();
    told.push(`${Math.round(longestMs)} ms, quiet ${Math.round(quietMs)} ms`);
    context.diagnostic(`${what}: longest answer ${told.at(-1)}`);
    if (longestMs <= Math.max(breakMs, 2 * quietMs)) return;
  }
  assert.fail(`${what}: the longest answers took ${told.join("; ")}`);
}

test("bombs from a member and by uploads", { timeout: 300_000 }, async (context) => {
  const mesh = await startMesh(context, ["north"]);
  const { token, founder: node } = mesh;
  const rogue = await joinRogue(context, mesh, { name: "rogue", deploy: true });
  const blobs = new Map<string, Buffer>();
  let asked = 0;
  rogue.links.handle("blob", async (body) => {
    asked++;
    const { digest, offset } = body as { digest: string; offset: number };
    const bytes = blobs.get(digest) ?? Buffer.alloc(0);
    return { bytes: bytes.subarray(offset, offset + chunkBytes), total: bytes.length };
  });
  rogue.links.handle("hold", async () => ({ held: true }));
  const link = await rogue.linkTo(node);
  const probe = await LatencyProbe.start(context, node.ready);

  for (const [index, [what, component]] of Object.entries(components).entries()) {
    await context.test(`a member's component: ${what}`, async (context) => {
      await unnoticed({ probe, what, context }, (round) => {
        // Other bytes each time: what was refused once is not looked at again.
        const bytes = Buffer.concat([component(), section(0, Buffer.from([1, 0x78, round, index]))]);
        return announce(bytes, { app: `evil${index}-${round}`, rogue, node, link, blobs });
      });
    });
  }

  await context.test("what was refused once is not pulled again, whatever app it is for", async () => {
    const bytes = wrapped(bareModule(), { interface: Buffer.from("no interface") });
    await announce(bytes, { app: "first", rogue, node, link, blobs });
    const before = asked;
    await announce(bytes, { app: "second", rogue, node, link, blobs });
    assert.ok(before > 0 && asked === before, `${asked - before} asks for its bytes`);
  });

  await context.test("uploads whose types fan out: deployed, called and described", async (context) => {
    await unnoticed({ probe, what: "types that fan out", context }, async (round) => {
      const app = `big${round}`;
      await withRetries("a deploy", () => deploy(node, { app, text: tree(round), token }));
      const calls = Array.from({ length: 20 }, (_, n) =>
        call(node, { path: `${app}/f${n}`, body: '[{"a":[],"b":[]}]', token }),
      );
      assert.equal((await Promise.all(calls))[7]?.text, String(7 + round));
      const client = node.client(token);
      const documents = Array.from({ length: 5 }, () => client.send(`/v1/apps/${app}/openapi.json`));
      for (const { text } of await Promise.all(documents)) assert.ok(text.length < 2e6, `${text.length} bytes`);
    });
  });
});
