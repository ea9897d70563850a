// A trap names the line of the user's own source, wherever in the library the guest ended.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { appendPlaces, findPlace, placesSection } from "../../../runtime/interface/places.js";
import { testCompiler, upload } from "../compile/compiling.js";
import { Guest, startSandbox } from "./guests.js";

/**
 * A line that ends in `// !name` is the line where the call of `name` with the arguments below must be reported to have
 * ended.
 */
const source = `import { half } from "./lib/half";
class N { v: i32 = 7; next: N | null = null; }
export class P { v: i32 = 1; }
class M extends N { w: i32 = 8; }
export class Box { n: i32 = 0;
  at(i: i32): i32 {
    const a = [1, 2, 3];
    return a[i]; // !Box.at
  }
}
export function index(i: i32): i32 {
  const a = [1, 2, 3];
  return a[i]; // !index
}
export function first(i: i32, j: i32): i32 {
  const a = [1, 2, 3];
  const b = [4, 5, 6];
  const x = a[i]; // !first
  const y = b[j];
  return x * y;
}
export function second(i: i32, j: i32): i32 {
  const a = [1, 2, 3];
  const b = [4, 5, 6];
  const x = a[i];
  const y = b[j]; // !second
  return x * y;
}
export function write(i: i32): i32 {
  const a = new StaticArray<i32>(3);
  a[0] = 1;
  a[i] = 5; // !write
  return a[0];
}
export function typed(i: i32): f64 {
  const a = new Float64Array(4);
  const b = new Uint8Array(9);
  let s = <f64>b[i];
  s += a[i]; // !typed
  return s;
}
export function view(i: i32): u32 {
  const v = new DataView(new ArrayBuffer(4));
  return v.getUint32(i); // !view
}
export function key(k: i32): i32 {
  const m = new Map<string, i32>();
  m.set("a", 1);
  const one = m.get("a");
  return one + m.get(k.toString()); // !key
}
export function divide(a: i32, b: i32): i32 {
  const c = a / (b + 1);
  return c + a / b; // !divide
}
export function remainder(a: i32, b: i32): i32 {
  return a % b; // !remainder
}
export function twin(a: i32, b: i32): i32 {
  return a / b + 1; // !twin
}
export function otherTwin(a: i32, b: i32): i32 {
  return a / b + 1; // !otherTwin
}
export function elsewhere(a: i32): i32 {
  return half(a) + 1;
}
function down(n: i32): i32 {
  return down(n + 1) + n; // !deep
}
export function deep(n: i32): i32 {
  return down(n);
}
export function cast(n: i32): i32 {
  const x: N = n > 0 ? new M() : new N();
  const m = <M>x; // !cast
  return m.w;
}
export function nothing(n: i32): i32 {
  let x: N | null = new N();
  for (let i = 0; i < n; i++) x = x!.next;
  return x!.v; // !nothing
}
export function never(n: i32): i32 {
  if (n == 1)
    unreachable(); // !never
  return n;
}
export function throws(n: i32): i32 {
  if (n > 0) {
    throw new Error("no"); // !throws
  }
  return n;
}
export function asserts(n: i32): i32 {
  const twice = n * 2;
  assert(twice < 3, "small"); // !asserts
  return twice;
}
export function repeats(n: i32): string {
  const s = "abc";
  const r = s.repeat(n); // !repeats
  return r;
}
export function array(n: i32): i32 {
  const a = new Array<i32>(n); // !array
  a.push(n);
  return a.length;
}
export function bare(n: i32): i32 {
  return new Array<i32>(n).length; // !bare
}
export function sorts(n: i32): i32 {
  const a = [3, 1, n];
  a.sort((p, q) => {
    return p / (q - 1); // !sorts
  });
  return a[0];
}
export function maps(n: i32): i32 {
  return [n, n].map<i32>((x: i32) =>
    [1, 2][x] // !maps
  ).length;
}
export function pops(n: i32): i32 {
  const a: i32[] = [];
  for (let i = 0; i < n; i++) a.push(i);
  a.pop();
  return a.pop(); // !pops
}
export function overflows(n: i32): i32 {
  const a = new Uint8Array(4);
  const s = a.subarray(n);
  s.set([1, 2, 3, 4, 5]); // !overflows
  return s[0];
}
export function swells(n: i32): i32 {
  const all: Array<Uint8Array> = [];
  for (let i = 0; i < n; i++) {
    all.push(new Uint8Array(1 << 20)); // !swells
  }
  return all.length;
}
export function fallback(a: i32, b: i32 = 12 / a /* !fallback */): i32 { return a + b; }
export function result(n: i32): Array<P> { return new Array<P>(n); } // !result
export function text(n: i32): string {
  const parts = "a,b".split(",");
  return parts[0] + parts[n]; // !text
}
export function code(n: i32): i32 {
  const parsed = I32.parseInt("12");
  const codes = "abc";
  return parsed / (codes.charCodeAt(n) - 97); // !code
}
`;
const half = "\n// a file of its own\nexport function half(a: i32): i32 {\n  return 100 / a; // !elsewhere\n}\n";
const files = { "index.ts": source, "lib/half.ts": half };

const calls: Readonly<Record<string, unknown>> = {
  "Box.at": { self: { n: 1 }, i: 4 },
  index: [5],
  first: [7, 0],
  second: [0, 7],
  write: [9],
  typed: [6],
  view: [2],
  key: [5],
  divide: [1, 0],
  remainder: [1, 0],
  twin: [1, 0],
  otherTwin: [1, 0],
  elsewhere: [0],
  deep: [1],
  cast: [0],
  nothing: [1],
  never: [1],
  throws: [1],
  asserts: [2],
  repeats: [-1],
  array: [-1],
  bare: [-1],
  sorts: [1],
  maps: [2],
  pops: [1],
  overflows: [1],
  swells: [200],
  fallback: [0],
  result: [1],
  text: [3],
  code: [0],
};

const compiler = testCompiler();
const { component } = await compiler.compile(upload(files));
const { sandbox } = await startSandbox({ workers: 1 });
after(() => sandbox.stop());
const guest = new Guest(sandbox, await sandbox.prepare(component, "places"));

for (const [name, args] of Object.entries(calls)) {
  test(`${name} is reported at its line`, async () => {
    const { where, message } = await guest.failure(name, args);
    const [file, line] = where?.split(":") ?? [];
    assert.equal(`${file}:${line}`, placeOf(name), `${message} at ${where}`);
  });
}

function placeOf(name: string): string {
  for (const [file, text] of Object.entries(files)) {
    const line = text.split("\n").findIndex((one) => new RegExp(`// !${name}$|/\\* !${name} `).test(one));
    if (line >= 0) return `${file}:${line + 1}`;
  }
  throw new Error(`no line is marked ${name}`);
}

test("the places take little room", () => {
  const bytes = placesSection(component)?.length ?? 0;
  assert.ok(bytes > 0 && bytes < component.length / 6, `${bytes} of ${component.length}`);
});

test("places hold where the code moved: behind an instruction that the host replaced by a longer one", async () => {
  const count = 140;
  const lines = Array.from(
    { length: count },
    (_, at) =>
      `export function f${at}(n: i32): i32 { const a = memory.grow(0) + memory.grow(0); return a / (n - ${at}); }`,
  );
  const many = await compiler.compile(upload(lines.join("\n")));
  const prepared = await sandbox.prepare(many.component, "many");
  assert.ok((prepared.places?.shifts.length ?? 0) > 0, "the code moved");
  const guest = new Guest(sandbox, prepared);
  for (let at = 0; at < count; at++) {
    const { where } = await guest.failure(`f${at}`, [at]);
    assert.equal(where?.split(":")[1], String(at + 1), `f${at}: ${where}`);
  }
});

test("places of an offset are the last before it, within its function", () => {
  const place = (line: number, file = "a.ts") => ({ file, line, column: 3 });
  const functions = [
    {
      start: 10,
      end: 20,
      places: [
        { offset: 12, place: place(7) },
        { offset: 15, place: place(2, "b/c.ts") },
      ],
    },
    { start: 30, end: 90, places: [{ offset: 30, place: place(900) }] },
  ];
  const whole = appendPlaces(Buffer.from("0061736d0d000100", "hex"), functions);
  const section = placesSection(whole) as Uint8Array;
  const lines = [11, 12, 14, 15, 19, 20, 29, 30, 89, 90].map((offset) => findPlace(section, [offset])?.line);
  assert.deepEqual(lines, [undefined, 7, 7, 2, 2, undefined, undefined, 900, 900, undefined]);
  assert.deepEqual(findPlace(section, [25, 16, 31]), place(2, "b/c.ts"));
});

test("with invalid places in its component, a trap has no place, and nothing else changes", async () => {
  const original = placesSection(component) as Uint8Array;
  const at = Buffer.from(component).lastIndexOf(original);
  const faults: ((bytes: Uint8Array) => void)[] = [
    (bytes) => bytes.fill(0xff, at),
    (bytes) => bytes.fill(0, at),
    (bytes) => bytes.set(Buffer.from("in\x1bdex.t"), at + 2),
    (bytes) => bytes.fill(0x7f, at + 30),
  ];
  for (const [index, spoil] of faults.entries()) {
    const bytes = new Uint8Array(component);
    spoil(bytes);
    const spoiled = new Guest(sandbox, await sandbox.prepare(bytes, `spoiled-${index}`));
    const error = await spoiled.failure("divide", [1, 0]);
    assert.deepEqual([error.code, error.message], ["function.trapped", "divide by zero"]);
    assert.ok(error.where === undefined || /^[\w./]+:\d+:\d+$/.test(error.where), error.where);
  }
});
