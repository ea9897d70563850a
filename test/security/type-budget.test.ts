// The engine keeps each distinct type of every module as long as the process lives, and ends the process at a million:
// components with new types are refused before.
import assert from "node:assert/strict";
import { test } from "node:test";
import { leb128 } from "../../runtime/interface/binary.js";
import { CoreShape } from "../../runtime/sandbox/prepare/core-shape.js";
import { TypeBudget, typeTable } from "../../runtime/sandbox/prepare/type-budget.js";
import { failureOf } from "../runtime/sandbox/guests.js";
import { coreModule, section, wrapped } from "./forge.js";
import { preparer } from "./preparing.js";

const integer = 0x7f;
const long = 0x7e;

/** Function types whose parameters spell the numbers from `first` on in bits. */
function spelled(first: number, count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => {
    const bits = [...(first + index).toString(2)].map((bit) => (bit === "0" ? integer : long));
    return Buffer.of(0x60, bits.length, ...bits, 0);
  });
}

/** A module with what every guest needs, and these types from index 1 on. */
function moduleWith(types: readonly Buffer[]): Buffer {
  const name = (text: string): Buffer => Buffer.concat([leb128(text.length), Buffer.from(text)]);
  const allocate = Buffer.of(0x60, 4, integer, integer, integer, integer, 1, integer);
  return coreModule([
    section(1, leb128(types.length + 1), allocate, ...types),
    section(3, Buffer.of(1, 0)),
    section(5, Buffer.of(1, 0, 1)),
    section(7, Buffer.of(2), name("memory"), Buffer.of(2, 0), name("cabi_realloc"), Buffer.of(0, 0)),
    section(10, Buffer.of(1, 4, 0, 0x41, 0, 0x0b)),
  ]);
}

const componentWith = (types: readonly Buffer[]): Buffer => wrapped(moduleWith(types));

test("types are counted over all components of the process, each once, and none of a refused one", async (context) => {
  const made = preparer(context, { types: 200 });
  const first = componentWith(spelled(1_000, 150));
  await made.prepare(first, "first");
  const second = await failureOf(made.prepare(componentWith(spelled(2_000, 150)), "second"));
  assert.deepEqual([second.code, second.retryAfterSeconds], ["node.unavailable", 60]);
  assert.match(second.message, /200 distinct types.*a restart frees them/);
  for (let again = 0; again < 5; again++) await made.prepare(first, "first");
  await made.prepare(componentWith(spelled(1_050, 100)), "known ones in another module");
  await made.prepare(componentWith(spelled(3_000, 40)), "as many as fit");

  const other = preparer(context, { types: 200 });
  await other.prepare(first, "first");
  const none = await failureOf(other.prepare(componentWith(spelled(4_000, 50)), "r"));
  assert.equal(none.code, "node.unavailable", "the count is the process's, whoever prepares");
});

test("a type that names another is counted by all that stands before it", () => {
  const chain = (first: number): Buffer =>
    moduleWith(
      Array.from({ length: 40 }, (_, index) =>
        index === 0 ? Buffer.of(0x60, 1, first, 0) : Buffer.of(0x60, 1, 0x63, index, 0),
      ),
    );
  // Not by a whole preparation: Node 20 has no typed references.
  const budget = new TypeBudget(typeTable(), 70);
  const admit = (module: Buffer): void => budget.admit(module, new CoreShape(module).typeGroups);
  admit(chain(integer));
  admit(chain(integer));
  assert.throws(() => admit(chain(long)), { code: "node.unavailable" }, "the same bytes behind another first type");
});
