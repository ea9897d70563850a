// Texts and numbers that are lifted at once are what they would be one by one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { toWellFormed } from "../../../runtime/interface/unicode.js";
import { Heap } from "../../../runtime/sandbox/binding/heap.js";
import { lifter } from "../../../runtime/sandbox/binding/lift.js";
import { LiftBudget } from "../../../runtime/sandbox/binding/result-budget.js";
import { numberReader, scalarLifter, scalarLoad } from "../../../runtime/sandbox/binding/scalars.js";
import { TypeTable } from "../../../runtime/sandbox/binding/types.js";
import { type WasmMemory, webAssembly } from "../../../runtime/sandbox/web-assembly.js";

const pages = 8;
const { Memory } = webAssembly as unknown as { Memory: new (size: { initial: number }) => WasmMemory };

function heapOf(): Heap {
  return new Heap(new Memory({ initial: pages }), { realloc: () => 0 });
}

function lifted(heap: Heap, { text, address }: { text: string; address: number }): string {
  heap.bytes.write(text, address, "utf16le");
  return heap.jsonText(address, text.length);
}

test("a text is the JSON of itself, whatever unit it holds, wherever that stands, and wherever the text lies", () => {
  const heap = heapOf();
  const lengths = [0, 1, 2, 23, 24, 25, 26, 27, 64];
  for (let unit = 0; unit < 0x10000; unit += unit < 0x180 ? 1 : 97) {
    for (const length of lengths) {
      const places = unit < 0x180 ? [0, 1, length >> 1, length - 2, length - 1] : [length - 1];
      for (const place of places.filter((at) => at >= 0 && at < length)) {
        const text = "a".repeat(place) + String.fromCharCode(unit) + "\u00ff".repeat(length - place - 1);
        for (const address of [64, 66]) {
          assert.equal(lifted(heap, { text, address }), JSON.stringify(toWellFormed(text)), `${unit} at ${place}`);
        }
      }
    }
  }
});

test("a long text is lifted whole, around the size up to which memory is kept, and again after another one", () => {
  const heap = heapOf();
  for (const length of [65_535, 65_536, 65_537, 200_000, 40]) {
    for (const address of [2, 4]) {
      for (const end of ["z", '"', "\n", "\u20ac", "\ud800"]) {
        const text = "xyzw".repeat(length / 4) + end;
        assert.equal(lifted(heap, { text, address }), JSON.stringify(toWellFormed(text)));
      }
    }
  }
});

test("a list of numbers may take its limit to the last byte, and no byte more", () => {
  const heap = heapOf();
  const count = 5_000;
  heap.bytes.fill(1, 64, 64 + count);
  heap.view.setUint32(0, 64, true);
  heap.view.setUint32(4, count, true);
  const type = { kind: "list", element: { kind: "u8" } } as const;
  const { load } = lifter(type, new TypeTable({ records: [], enums: [] }));
  const length = 2 * count + 1;
  assert.equal(load(heap, 0, new LiftBudget(length)).length, length);
  assert.throws(() => load(heap, 0, new LiftBudget(length - 1)), { code: "function.result-too-large" });
});

test("numbers of every kind are the texts of each, and not finite ones and minus zero are left", () => {
  const heap = heapOf();
  for (const [kind, bytes] of Object.entries({
    s8: 1,
    u8: 1,
    s16: 2,
    u16: 2,
    s32: 4,
    u32: 4,
    f32: 4,
    f64: 8,
  } as const)) {
    const read = numberReader(kind);
    assert.ok(read, kind);
    const [load, one] = [scalarLoad(kind as "f64"), scalarLifter(kind as "f64")];
    for (let round = 0; round < 200; round++) {
      for (let at = 64; at < 64 + 10 * bytes; at++)
        heap.bytes[at] = (Math.imul(at + round * 31, 2_654_435_761) >>> 13) & 0xff;
      if (round === 0) heap.bytes.fill(0, 64, 64 + 10 * bytes);
      const texts = Array.from({ length: 10 }, (_, index) => one(load(heap.view, 64 + index * bytes)));
      const text: string | undefined = read(heap, { address: 64, length: 10 });
      const isPlain = texts.every((each) => !/^"|^-0$/.test(each));
      assert.equal(text, isPlain ? texts.join(",") : undefined, kind);
    }
  }
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0]) {
    heap.view.setFloat64(64, 1.5, true);
    heap.view.setFloat64(72, value, true);
    assert.equal(numberReader("f64")?.(heap, { address: 64, length: 2 }), undefined);
    assert.equal(numberReader("f64")?.(heap, { address: 64, length: 1 }), "1.5");
  }
  for (const kind of ["bool", "s64", "u64", "string", "record", "constructor"]) {
    assert.equal(numberReader(kind), undefined, kind);
  }
});
