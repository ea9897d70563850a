// A member and a user of a real mesh that take all they can: others deploy as before.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createToken } from "../../src/api/tokens.js";
import { ProblemError } from "../../src/client/errors.js";
import { withRetries } from "../../src/testing/retry.js";
import { call, deploy, startMesh, until } from "../harness/processes/processes.js";
import { joinRogue } from "../harness/processes/refusals.js";
import { slowSource } from "../runtime/compile/compiling.js";

const mebibyte = 1024 * 1024;
const hex = (text: string, digits: number) => createHash("sha256").update(text).digest("hex").slice(0, digits);
const twice = (factor: number) => `export function twice(n: i32): i32 { return n * ${factor}; }`;

test("a member that announces what it drips, and a token that fills the compiler", async (context) => {
  const mesh = await startMesh(context, ["north", "east"]);
  const { token } = mesh;
  const [north, east] = mesh.nodes;
  assert.ok(north && east, "no north, or no east");
  await deploy(north, { app: "demo", text: twice(2), token });

  await context.test("a member with the deploy mark announces 40 apps of 32 MiB and drips their bytes", async () => {
    const rogue = await joinRogue(context, mesh, { name: "rogue", deploy: true });
    let asked = 0;
    const components = new Set<unknown>();
    rogue.links.handle("blob", async (body) => {
      asked++;
      await sleep(1_200);
      const isComponent = components.has((body as { digest: unknown }).digest);
      return { bytes: new Uint8Array(mebibyte / 4), total: (isComponent ? 32 : 16) * mebibyte };
    });
    for (const link of [await rogue.linkTo(north), await rogue.linkTo(east)]) {
      for (let index = 0; index < 40; index++) {
        const component = hex(`component ${index}`, 64);
        components.add(component);
        const head = { kind: "manifest", app: `evil${index}`, version: 1, at: Date.now(), author: rogue.id, by: "me" };
        const what = { op: "deploy", revision: component.slice(0, 12), component, componentBytes: 32 * mebibyte };
        const rest = { source: hex(`source ${index}`, 64), sourceBytes: 16 * mebibyte, functions: [], public: true };
        const limits = { deadlineMs: 5_000, memoryBytes: 64 * mebibyte };
        link.notify("record", ["manifest", rogue.signed({ ...head, ...what, ...rest, limits })]);
      }
    }
    await until("the members to ask it for bytes", async () => asked >= 4);
    for (const factor of [3, 4, 5]) {
      // Tried again where the machine itself is slow; while the flood holds all pulls, no try succeeds.
      const put = () => deploy(north, { app: "demo", text: twice(factor), token });
      const { nodes } = await withRetries("a deploy beside the flood", put);
      assert.ok(nodes.includes("east"), nodes.join());
      await until("east to answer with it", async () => {
        return (await call(east, { path: "demo/twice", body: "[2]", token })).text === String(2 * factor);
      });
    }
  });

  await context.test("a token for one app sends 24 uploads that burn the compiler's time", async () => {
    const made = await north.client(token).call(createToken, { body: { role: "deploy", app: "greedy" } });
    const greedy = made.json.token;
    let ended = 0;
    const codes: string[] = [];
    const flood = Array.from({ length: 24 }, async () => {
      const upload = { app: "greedy", text: slowSource(6_000), token: greedy };
      await deploy(north, upload).catch((error: unknown) => codes.push(codeOf(error)));
      ended++;
    });
    await until("its share to be used up", async () => codes.includes("request.throttled"));
    for (const factor of [6, 7]) {
      await withRetries("a deploy beside the flood", () => deploy(north, { app: "demo", text: twice(factor), token }));
    }
    assert.ok(ended < 24, "the flood is over, so nothing was shown");
    assert.deepEqual(
      codes.filter((code) => !["request.throttled", "source.invalid", "compile.timeout"].includes(code)),
      [],
    );
    await Promise.all([mesh.stop(), ...flood]);
  });
});

function codeOf(error: unknown): string {
  return error instanceof ProblemError ? error.document.code : String(error);
}
