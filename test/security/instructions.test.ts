// The scan reads every instruction that the engine in use accepts as the engine does: behind none of them a change
// stays hidden.
import assert from "node:assert/strict";
import { test } from "node:test";
import { leb128 } from "../../runtime/interface/binary.js";
import { scanCode } from "../../runtime/sandbox/prepare/code-scan.js";
import { coreSections, sectionId } from "../../runtime/sandbox/prepare/wasm-module.js";
import { webAssembly } from "../../runtime/sandbox/web-assembly.js";
import { coreModule, repeated, section } from "./forge.js";

const { validate, Module } = webAssembly;

/** So many of everything that 0x41, which reads as i32.const, is the index of one. */
const many = 70;
const none = Buffer.of(0x60, 0, 0);
const objectTypes = [Buffer.of(0x5f, 2, 0x7f, 1, 0x78, 1), Buffer.of(0x5e, 0x7f, 1), Buffer.of(0x5e, 0x70, 1)];

function moduleOf(body: Uint8Array, { objects }: { objects: boolean }): Buffer {
  const special = objects ? objectTypes : [none, none, none];
  const types = [
    none,
    ...special,
    ...Array.from({ length: 61 }, () => none),
    special[0] ?? none,
    special[1] ?? none,
    ...Array.from({ length: 3 }, () => none),
  ];
  const code = Buffer.concat([Buffer.of(0), body]);
  return coreModule([
    section(1, leb128(types.length), ...types),
    section(2, repeated(Buffer.of(1, 0x6d, 1, 0x66, 0, 0), many)),
    section(3, Buffer.of(1, 0)),
    section(4, repeated(Buffer.of(0x70, 0, 1), many)),
    section(5, Buffer.of(1, 0, 1)),
    section(13, repeated(Buffer.of(0, 0), many)),
    section(6, repeated(Buffer.of(0x7f, 1, 0x41, 0, 0x0b), many)),
    section(9, repeated(Buffer.of(1, 0, 1, 0), many)),
    section(12, leb128(many)),
    section(10, Buffer.of(1), leb128(code.length), code),
    section(11, repeated(Buffer.of(1, 0), many)),
  ]);
}

const objects = validate(moduleOf(Buffer.of(0x0b), { objects: true }));

interface Scanned {
  readonly resettable: boolean;
  /** Whether the body may change memory; by calls of others too. */
  readonly writes: boolean;
}

function scan(module: Uint8Array): Scanned {
  const code = coreSections(module).find(({ id }) => id === sectionId.code);
  assert.ok(code !== undefined, "no code");
  try {
    const { resettable, bodies } = scanCode(module, code);
    return { resettable, writes: bodies.some(({ writes, callees }) => writes || callees.length > 0) };
  } catch {
    // Cut off where it was read: refused, which hides nothing.
    return { resettable: false, writes: true };
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}

/** Immediates, or their parts: numbers, types of one byte and of several, an `end` for what opens a block. */
const parts = [[0], [1], [2], [0x41], [0xc1, 0], [0x40], [0x70], [0x63, 0x41], [0x64, 0], [0x0b]];
const sixteen = [Array.from({ length: 16 }, () => 0), Array.from({ length: 16 }, (_, at) => (at * 7) % 32)];

/** Of so many parts, or fewer. */
function immediates(most: number): number[][] {
  if (most === 0) return [[]];
  const [shortest = [], ...others] = immediates(most - 1);
  const longer = [shortest, ...others].flatMap((start) => parts.map((part) => [...start, ...part]));
  return [shortest, ...longer];
}

const few = immediates(2);
const more = immediates(3);
/** Those with more immediates than the others are tried with more of them. */
const long = new Set([0x02, 0x03, 0x04, 0x06, 0x0e, 0x1c, 0x1f]);
const heapTypes = [0x41, 0x70, 0x6e, 0x6b, 1, 2];
const casts = [0, 1, 2, 3].flatMap((flags) => heapTypes.flatMap((from) => heapTypes.map((to) => [flags, 0, from, to])));
const clauses = [
  [0, 0, 0],
  [0, 0x41, 1],
  [1, 0x41, 0],
  [2, 0],
  [3, 0],
];
const catches = [0x40, 0x70, 0x41].flatMap((type) =>
  clauses.flatMap((one) => [
    [type, 1, ...one, 0x0b],
    [type, 2, ...one, ...one, 0x0b],
  ]),
);
const special: Readonly<Record<number, number[][]>> = { 31: catches, 64280: casts, 64281: casts };

/**
 * Whether the engine takes the next byte for an opcode, and not for another immediate: it tells where it met one that
 * there is not.
 */
function isWhole(instruction: Uint8Array): boolean {
  const bytes = Buffer.concat([instruction, Buffer.of(0xff)]);
  const module = moduleOf(bytes, { objects });
  const at = module.lastIndexOf(bytes) + instruction.length;
  try {
    return new Module(module) === undefined;
  } catch (error) {
    return new RegExp(`@\\+${at}\\b`).test(String(error));
  }
}

const opcodes: (readonly [code: number, bytes: readonly number[]])[] = [];
for (let code = 0; code < 0x100; code++) if (code < 0xfb || code > 0xfe) opcodes.push([code, [code]]);
for (const prefix of [0xfb, 0xfc, 0xfd, 0xfe]) {
  const last = prefix === 0xfd ? 0x140 : 0x60;
  for (let code = 0; code < last; code++)
    opcodes.push([prefix * (code > 0xff ? 0x1000 : 0x100) + code, [prefix, ...leb128(code)]]);
}

const lasting = new Set([
  0x26,
  ...[0x05, 0x0e, 0x10, 0x11, 0x12, 0x13].map((code) => 0xfb00 + code),
  ...[0x09, 0x0c, 0x0d, 0x0e, 0x0f, 0x11].map((code) => 0xfc00 + code),
]);
/** Those that change memory: core specification 3.0, "Memory Instructions", and the threads proposal. */
const writing = new Set([
  ...range(0x36, 0x3e),
  0x40,
  ...[0x08, 0x0a, 0x0b].map((code) => 0xfc00 + code),
  ...[0x0b, ...range(0x58, 0x5b)].map((code) => 0xfd00 + code),
  ...range(0xfe17, 0xfe4e),
]);
/** Those that run another function. */
const calling = new Set(range(0x10, 0x15));
/** Changes that need nothing on the stack, and read as something else by who reads one byte too many before. */
const changes = [Buffer.of(0xfc, 0x0d, 0), Buffer.of(0xfc, 0x09, 0)];

test("behind every instruction that the engine accepts a change is found, and no instruction is unknown", {
  timeout: 600_000,
}, () => {
  const accepted = new Map<number, boolean>();
  const silent = new Set<number>();
  let bodies = 0;
  for (const [code, bytes] of opcodes) {
    const tried = [...(long.has(code) ? more : few), ...(bytes[0] === 0xfd ? sixteen : []), ...(special[code] ?? [])];
    for (const tail of tried) {
      // The stack behind `unreachable` holds whatever is asked for; the one behind it all takes what is left there.
      const instruction = Buffer.of(0x00, ...bytes, ...tail);
      const module = moduleOf(Buffer.concat([instruction, Buffer.of(0x00, 0x0b)]), { objects });
      if (!validate(module)) continue;
      bodies++;
      const { resettable, writes } = scan(module);
      accepted.set(code, (accepted.get(code) ?? false) || resettable);
      if (resettable && !writes) silent.add(code);
      for (const change of changes) {
        const changing = moduleOf(Buffer.concat([instruction, change, Buffer.of(0x00, 0x0b)]), { objects });
        if (scan(changing).resettable && validate(changing) && isWhole(instruction))
          assert.fail(`a change behind ${instruction.toString("hex")} is overlooked`);
      }
    }
  }
  const unread = [...accepted]
    .filter(([code, isRead]) => !isRead && !lasting.has(code))
    .map(([code]) => code.toString(16));
  const overlooked = [...accepted]
    .filter(([code, isRead]) => isRead && lasting.has(code))
    .map(([code]) => code.toString(16));
  console.log(
    `# Node ${process.version}: ${accepted.size} instructions accepted, in ${bodies} bodies; ` +
      `not read: ${unread.join(" ") || "none"}`,
  );
  assert.deepEqual(overlooked, []);
  assert.deepEqual(
    [...silent].filter((code) => writing.has(code) || calling.has(code)).map((code) => code.toString(16)),
    [],
    "a change of memory is overlooked",
  );
  const loud = [...accepted.keys()].filter((code) => !silent.has(code) && !writing.has(code) && !calling.has(code));
  assert.deepEqual(
    loud.filter((code) => !lasting.has(code)).map((code) => code.toString(16)),
    [],
  );
  assert.deepEqual(unread, []);
  assert.ok(accepted.size > 430, `${accepted.size}`);
});

test("a body that ends too early, too late or within an instruction is never resettable", () => {
  for (const body of [
    [0x0b, 0x0b],
    [0x0b, 0x01],
    [0x01],
    [0x02, 0x40, 0x0b],
    [0x41],
    [0x41, 0x80],
    [0x0e, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x0b],
    [0xfd, 0x0c, 0x0b],
    [0x1c, 1, 0x64, 0x0b],
    [0xf0, 0x0b],
    [0xfc, 0x12, 0x0b],
  ]) {
    assert.equal(
      scan(moduleOf(Buffer.from(body), { objects: false })).resettable,
      false,
      Buffer.from(body).toString("hex"),
    );
  }
  assert.deepEqual(scan(moduleOf(Buffer.of(0x0b), { objects: false })), { resettable: true, writes: false });
});
