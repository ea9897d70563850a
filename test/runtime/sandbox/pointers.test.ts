// Guests that return arbitrary addresses: each address is checked before it is read.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { ValueType } from "../../../runtime/interface/model.js";
import { Guest, startSandbox } from "./guests.js";
import { component, core, moduleText, unary } from "./hand-made.js";

const { sandbox } = await startSandbox({ workers: 1 });
after(() => sandbox.stop());

const text: ValueType = { kind: "string" };
const results: Record<string, ValueType> = {
  text,
  list: { kind: "list", element: text },
  bytes: { kind: "bytes" },
  map: { kind: "map", value: text },
  option: { kind: "option", value: text },
};
/** Each function returns its argument as the address of its result. */
const body = Object.keys(results).map((name) => `(func (export "$#${name}") (param i32) (result i32) (local.get 0))`);
/**
 * 64: a pair that points behind the memory; 72: an odd address; 80: a list of 3,000 pairs at 1,024, each a text of
 * 30,000 units.
 */
const data = String.raw`(data (i32.const 64) "\ff\ff\ff\7f\08\00\00\00\01\00\00\00\08\00\00\00\00\04\00\00\b8\0b\00\00")
  (data (i32.const 1024) "${String.raw`\00\80\00\00\30\75\00\00`.repeat(3_000)}")`;
const module = core(moduleText(body.join("\n") + data, { memory: "2" }));
const functions = Object.entries(results).map(([name, type]) => unary(name, type));
const guest = new Guest(sandbox, await sandbox.prepare(component(module, { functions }), "pointers"));

test("a result's address outside the memory or not aligned is a trap", async () => {
  for (const name of Object.keys(results)) {
    for (const n of [-4, 131_072, 131_070, 0x7ffffffc, 65]) {
      if (name === "option" && n === 65) continue;
      const error = await guest.failure(name, { n });
      assert.deepEqual(
        [error.code, error.message],
        ["function.trapped", "the guest returned an invalid pointer"],
        `${name} ${n}`,
      );
    }
  }
});

test("addresses and lengths inside a result are checked too", async () => {
  for (const [name, n] of [
    ["text", 64],
    ["text", 72],
    ["bytes", 64],
    ["list", 64],
    ["map", 64],
    ["list", 72],
  ] as const) {
    const { code, message } = await guest.failure(name, { n });
    assert.deepEqual([code, message], ["function.trapped", "the guest returned an invalid pointer"], `${name} ${n}`);
  }
});

test("a discriminant that is none of the type's is a trap", async () => {
  assert.equal((await guest.failure("option", { n: 64 })).code, "function.trapped");
});

test("many pointers to one text end at the limit of a result, not of the node's memory", async () => {
  assert.equal((await guest.failure("list", { n: 80 })).code, "function.result-too-large");
});
