// A null that a source's types do not allow is a trap that names it, never an object of zeros or what lies at address
// 0.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { testCompiler, upload } from "../runtime/compile/compiling.js";
import { Guest, startSandbox } from "../runtime/sandbox/guests.js";

const source = `
import { log } from "herd";
export enum Color { Red = 3, Blue = 7 }
export class N { name: string = "n"; at: i32 = 0; }
export class One { only: i32 = 5; }
export class Inner { one: One = new One(); }
export class Deep { n: N = new N(); list: Array<N> = []; by: Map<string, N> = new Map(); }
export class Person {
  name: string = "Ada";
  friend: N = new N();
  color: Color = Color.Red;
  lose(): void { this.name = changetype<string>(0); }
  loseFriend(): i32 { this.friend = changetype<N>(0); return 1; }
}
function none<T>(): T { return changetype<T>(0); }

export function holes(): Array<N> { return new Array<N>(2); }
export function secondHole(): Array<N> { const a = new Array<N>(2); a[0] = new N(); return a; }
export function object(): N { return none<N>(); }
export function single(): One { return none<One>(); }
export function singleInside(): Inner { const i = new Inner(); i.one = none<One>(); return i; }
export function text(): string { return none<string>(); }
export function bytes(): Uint8Array { return none<Uint8Array>(); }
export function buffer(): ArrayBuffer { return none<ArrayBuffer>(); }
export function floats(): Float64Array { return none<Float64Array>(); }
export function array(): Array<i32> { return none<Array<i32>>(); }
export function fixed(): StaticArray<string> { return new StaticArray<string>(12); }
export function map(): Map<string, i32> { return none<Map<string, i32>>(); }
export function set(): Set<string> { return none<Set<string>>(); }
export function nested(): Array<Array<f64>> { const a = new Array<Array<f64>>(2); a[0] = [1]; return a; }
export function uninitialised(): N { return changetype<N>(__new(offsetof<N>(), idof<N>())); }
export function field(): Deep { const d = new Deep(); d.n.name = none<string>(); return d; }
export function inList(): Deep { const d = new Deep(); d.list = [new N(), none<N>()]; return d; }
export function inMap(): Deep { const d = new Deep(); d.by.set("a b", none<N>()); return d; }
export function mapValues(): Map<string, string> {
  const m = new Map<string, string>(); m.set("k", none<string>()); return m;
}
export function mapKey(): Map<string, i32> { const m = new Map<string, i32>(); m.set(none<string>(), 1); return m; }
export function setMember(): Set<N> { const s = new Set<N>(); s.add(none<N>()); return s; }
export function insideOption(): Array<N> | null { return new Array<N>(1); }
export function allowed(): Array<N | null> { return new Array<N | null>(2); }
export function color(): Color { return <Color>1; }
export function colors(): Array<Color> { return [Color.Red, <Color>4]; }
export function logs(): void { log(none<string>()); }
export function warns(): void { console.warn(none<string>()); }
export function traces(): void { trace(none<string>()); }
export function random(): void { crypto.getRandomValues(none<Uint8Array>()); }
export function fine(): Deep { const d = new Deep(); d.list = [new N()]; d.by.set("k", new N()); return d; }
`;

const compiler = testCompiler();
const { component } = await compiler.compile(upload(source));
const { sandbox, lines } = await startSandbox({ workers: 1 });
after(() => sandbox.stop());
const guest = new Guest(sandbox, await sandbox.prepare(component, "values"));
const isNull = (path: string, type: string): string => `${path} is null but its type ${type} does not allow it`;

const refused: Readonly<Record<string, string>> = {
  holes: isNull("result[0]", "N"),
  secondHole: isNull("result[1]", "N"),
  object: isNull("result", "N"),
  single: isNull("result", "One"),
  singleInside: isNull("result.one", "One"),
  text: isNull("result", "string"),
  bytes: isNull("result", "Uint8Array"),
  buffer: isNull("result", "ArrayBuffer"),
  floats: isNull("result", "Float64Array"),
  array: isNull("result", "Array<i32>"),
  fixed: isNull("result[0]", "string"),
  map: isNull("result", "Map<string, i32>"),
  set: isNull("result", "Set<string>"),
  nested: isNull("result[1]", "Array<f64>"),
  uninitialised: isNull("result.name", "string"),
  field: isNull("result.n.name", "string"),
  inList: isNull("result.list[1]", "N"),
  inMap: isNull('result.by["a b"]', "N"),
  mapValues: isNull('result["k"]', "string"),
  mapKey: isNull("result.keys()[0]", "string"),
  setMember: isNull("result[0]", "N"),
  insideOption: isNull("result[0]", "N"),
  color: "result is none of the members of Color",
  colors: "result[1] is none of the members of Color",
  logs: isNull("message", "string"),
  warns: isNull("message", "string"),
  traces: isNull("message", "string"),
  random: isNull("array", "Uint8Array"),
};

for (const [name, detail] of Object.entries(refused)) {
  test(`${name}: ${detail}`, async () => {
    const error = await guest.failure(name, []);
    assert.deepEqual([error.code, error.message], ["function.trapped", detail]);
    const line = source.split("\n").findIndex((one) => one.includes(`function ${name}()`)) + 1;
    assert.match(error.where ?? "", new RegExp(`^index\\.ts:${line}:[0-9]+$`));
  });
}

test("self may not hold such a null either", async () => {
  const self = { name: "Eve", friend: { name: "f", at: 1 }, color: "Blue" };
  assert.equal((await guest.failure("Person.lose", { self })).message, isNull("self.name", "string"));
  assert.equal((await guest.failure("Person.loseFriend", { self })).message, isNull("self.friend", "N"));
});

test("what the types allow crosses as before, and nothing was logged for the rest", async () => {
  assert.deepEqual(await guest.call("allowed", []), [null, null]);
  const n = { name: "n", at: 0 };
  assert.deepEqual(await guest.call("fine", []), { n, list: [n], by: { k: n } });
  assert.deepEqual(lines, []);
});
