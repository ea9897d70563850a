// Each row of the contract's value table, in both directions, and what is said when a value does not fit.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { RevisionCall } from "../../../runtime/sandbox/call.js";
import { compileGuests, failureOf, Guest, startSandbox } from "./guests.js";

const { echo, "echo-plain": echoPlain } = await compileGuests("echo", "echo-plain");
const { sandbox } = await startSandbox({ workers: 1 });
after(() => sandbox.stop());
const named = new Guest(sandbox, await sandbox.prepare(echo, "echo"));
const plain = new Guest(sandbox, await sandbox.prepare(echoPlain, "echo-plain"));
/** The guest that has function `name`. */
const having = (name: string): Guest =>
  plain.prepared.interface.functions.some((fn) => fn.name === name) ? plain : named;
const guest = {
  call: (name: string, args: unknown) => having(name).call(name, args),
  raw: (name: string, body: string | Uint8Array, options: Partial<RevisionCall> = {}) =>
    having(name).raw(name, body, options),
  failure: (name: string, args: unknown) => having(name).failure(name, args),
};
const mixed = {
  flag: true,
  tiny: -128,
  name: "Ada",
  big: "18446744073709551615",
  color: "Blue",
  small: 65535,
  place: { x: 1, y: -2.5 },
  tags: ["a", ""],
  ratio: 0.5,
};

/** Values that come back as they went in. */
const same: Record<string, readonly unknown[]> = {
  fBool: [true, false],
  fI8: [-128, 127],
  fU8: [0, 255],
  fI16: [-32768, 32767],
  fU16: [0, 65535],
  fI32: [-2147483648, 2147483647, 0],
  fU32: [0, 4294967295],
  fI64: [0, -1, 9007199254740991, -9007199254740991, "9007199254740992", "-9223372036854775808", "9223372036854775807"],
  fU64: [0, 9007199254740991, "9007199254740992", "18446744073709551615"],
  fF32: [0.5, -1.25, "NaN", "Infinity", "-Infinity"],
  fF64: [0.1, 5e-324, 1.7976931348623157e308, "NaN", "Infinity", "-Infinity"],
  fString: ["", "x", "héllo €", "😀", '\u0000\n"\\', "a".repeat(100_000), "€".repeat(50)],
  fBytes: ["", "AA==", "AAE=", "AAEC", "/+8="],
  fBuffer: ["", "aGVyZA=="],
  fF64s: [[], [1, 0.1, "NaN"]],
  fI16s: [[-32768, 5]],
  fU64s: [[0, "18446744073709551615"]],
  fBools: [[], [true, false]],
  fStrings: [[], ["", "a", "ü"]],
  fMaybeString: [null, "", "x"],
  fMaybePoints: [[null, { x: 1, y: 2 }, null]],
  fPoint: [{ x: 1, y: "NaN" }],
  fOne: [{ only: 42 }],
  fMixed: [mixed, { ...mixed, place: null }],
  fMixeds: [[], [mixed, mixed]],
  fColor: ["Red", "Blue"],
  fColors: [["Green", "Red"]],
  fMap: [{}, { a: [1, 2], "": [], constructor: [3] }],
  fSet: [[], [3, 1, 2]],
  fNested: [[], [[], ["a"], ["b", "c"]]],
};

for (const [name, values] of Object.entries(same)) {
  test(`${name} gives back what it got`, async () => {
    for (const value of values) {
      assert.deepEqual(await guest.call(name, { a: value }), value);
      assert.deepEqual(await guest.call(name, [value]), value, "by position");
    }
  });
}

test("decimal strings and numbers are both read for 64-bit integers", async () => {
  assert.equal(await guest.call("fI64", { a: "-12" }), -12);
  assert.equal((await guest.raw("fU64", '{"a":"9007199254740991"}')).json, "9007199254740991");
});

test("a negative zero stays one, a float is rounded to its width, a set folds", async () => {
  assert.equal((await guest.raw("fF64", '{"a":-0}')).json, "-0");
  assert.equal(await guest.call("fF32", { a: 0.1 }), Math.fround(0.1));
  assert.equal(await guest.call("fF32", { a: 1e300 }), "Infinity");
  assert.deepEqual(await guest.call("fSet", { a: [2, 2, 1] }), [2, 1]);
});

test("a field or key named __proto__ is a name like any other", async () => {
  assert.equal((await guest.raw("fMap", '{"a":{"__proto__":[1]}}')).json, '{"__proto__":[1]}');
  const error = await guest.failure("fPoint", '{"a":{"x":1,"y":2,"__proto__":{}}}');
  assert.equal(error.where, "/a/__proto__");
});

test("void is nothing; no body, {} and [] call a function without parameters", async () => {
  for (const body of ["", "{}", "[]"]) assert.equal((await guest.raw("fVoid", body)).json, null);
});

test("defaults and trailing options may be left out", async () => {
  assert.equal(await guest.call("fDefault", { a: 1 }), "1:5:x");
  assert.equal(await guest.call("fDefault", { a: 1, c: "z" }), "1:5:z");
  assert.equal(await guest.call("fDefault", [1, 2]), "1:2:x");
  assert.equal(await guest.call("fTrailing", { a: 1 }), "none");
  assert.equal(await guest.call("fTrailing", [1, null]), "none");
});

test("more than sixteen core values cross through memory", async () => {
  assert.equal(
    await guest.call("fMany", [1, "b", 2.5, "-9223372036854775808", "e", "f", "g", "h", "i", -7]),
    "1|b|2.5|-9223372036854775808|e|f|g|h|i|-7",
  );
});

test("methods take and give back their object; static ones do not", async () => {
  const self = { x: 1, y: 2 };
  assert.deepEqual(await guest.call("Point.plus", { self, other: { x: 10, y: 20 } }), {
    self,
    result: { x: 11, y: 22 },
  });
  assert.deepEqual(await guest.call("Point.move", { self, dx: 5 }), { self: { x: 6, y: 3 }, result: null });
  assert.deepEqual(await guest.call("Point.move", [self, 5, 0]), { self: { x: 6, y: 2 }, result: null });
  assert.deepEqual(await guest.call("One.double", { self: { only: 21 } }), { self: { only: 42 }, result: null });
  assert.deepEqual(await guest.call("Point.origin", {}), { x: 0, y: 0 });
  assert.equal((await guest.failure("Point.move", { dx: 5 })).where, "/self");
});

test("a lone surrogate is refused going in and replaced coming out", async () => {
  assert.equal((await guest.failure("fString", '{"a":"\\ud800"}')).where, "/a");
  assert.equal((await guest.failure("fMap", '{"a":{"\\udc00":[]}}')).code, "arguments.invalid");
  assert.equal(await guest.call("lone", {}), "\ufffda");
});

/** A body, where it is wrong, and what the detail says of it. */
const wrong: readonly (readonly [fn: string, body: string, where: string, detail: RegExp])[] = [
  [
    "fI32",
    '{"a":"x"}',
    "/a",
    /^fI32: parameter "a" must be an integer from -2147483648 to 2147483647, but it is the string "x"$/,
  ],
  ["fI32", '{"a":1.5}', "/a", /1\.5/],
  ["fI32", '{"a":2147483648}', "/a", /2147483648/],
  ["fI8", "[-129]", "/0", /-128 to 127/],
  ["fU8", '{"a":-1}', "/a", /0 to 255/],
  ["fI32", '{"a":null}', "/a", /null/],
  ["fI32", '{"a":true}', "/a", /true/],
  ["fBool", '{"a":1}', "/a", /true or false/],
  ["fI64", '{"a":9007199254740993}', "/a", /decimal string/],
  ["fI64", '{"a":"9223372036854775808"}', "/a", /9223372036854775807/],
  ["fU64", '{"a":"-1"}', "/a", /integer from 0/],
  ["fU64", '{"a":"0x10"}', "/a", /integer/],
  ["fF64", '{"a":1e999}', "/a", /a number/],
  ["fF64", '{"a":"inf"}', "/a", /a number/],
  ["fString", '{"a":5}', "/a", /a string, but it is 5/],
  ["fBytes", '{"a":"AA"}', "/a", /base64/],
  ["fBytes", '{"a":"AA-_"}', "/a", /base64/],
  ["fBytes", '{"a":"AB=="}', "/a", /base64/],
  ["fBytes", '{"a":"A A="}', "/a", /base64/],
  ["fColor", '{"a":"red"}', "/a", /a member of Color \("Red", "Green", "Blue"\), but it is the string "red"/],
  ["fColor", '{"a":0}', "/a", /member of Color/],
  ["fPoint", '{"a":{"x":1}}', "/a/y", /missing/],
  ["fPoint", '{"a":{"x":1,"y":2,"z":3}}', "/a/z", /no such field/],
  ["fPoint", '{"a":[1,2]}', "/a", /an object with the fields of Point, but it is an array of 2/],
  ["fPoint", '{"a":null}', "/a", /null/],
  ["fMaybePoints", '{"a":[null,{"x":1,"y":"?"}]}', "/a/1/y", /at \/a\/1\/y/],
  ["fMap", '{"a":{"k~/":[1,"z"]}}', "/a/k~0~1/1", /a number/],
  ["fMap", '{"a":[]}', "/a", /an object/],
  ["fStrings", '{"a":{}}', "/a", /an array, but it is an object/],
  ["fI32", "{}", "/a", /"a" is missing/],
  ["fI32", '{"a":1,"b":2}', "/b", /no parameter "b"; it takes "a"/],
  ["fI32", "[1,2]", "/1", /takes 1 argument, but 2 came/],
  ["fI32", "[]", "/0", /"a" is missing/],
  ["fI32", "5", "", /object of named arguments or an array/],
  ["fVoid", '{"a":1}', "/a", /takes no arguments/],
  ["fDefault", '{"a":1,"b":null}', "/b", /null/],
];

test("a wrong argument is refused with its place and what was expected", async () => {
  for (const [fn, body, where, detail] of wrong) {
    const error = await guest.failure(fn, body);
    assert.deepEqual([error.code, error.where], ["arguments.invalid", where], `${fn} ${body}: ${error.message}`);
    assert.match(error.message, detail);
  }
});

test("the message about a wrong argument is bounded", async () => {
  const error = await guest.failure("fI32", JSON.stringify({ a: "€".repeat(100_000) }));
  assert.ok(error.message.length < 200, error.message);
  const unknown = await guest.failure("fI32", JSON.stringify({ a: 1, ["k".repeat(100_000)]: 1 }));
  assert.ok(
    unknown.message.length < 300 && (unknown.where?.length ?? 0) < 100,
    `${unknown.message.length}, ${unknown.where?.length}`,
  );
});

test("text that is no JSON is refused with its position", async () => {
  const bodies: readonly (readonly [string, RegExp])[] = [
    ['{"a":1', /ends too early at line 1, column 7/],
    ['{\n  "a": 01}', /not valid at line 2, column 9/],
    ['{"a":1,}', /column 8/],
    ["{'a':1}", /column 2/],
    ['{"a":"\\x"}', /column 7/],
    ["[".repeat(100_000), /nests deeper/],
  ];
  for (const [body, message] of bodies) {
    const error = await guest.failure("fI32", body);
    assert.equal(error.code, "request.malformed");
    assert.match(error.message, message);
  }
});

test("bytes that are no UTF-8 are refused with their position", async () => {
  const error = await failureOf(guest.raw("fString", Buffer.from('{"a":"\xff"}', "latin1")));
  assert.equal(error.code, "request.malformed");
  const large = Buffer.alloc(100_000, "é");
  large[70_000] = 0xff;
  assert.match((await failureOf(guest.raw("fString", large))).message, /byte 70000\)/);
});

test("a large body crosses whole", async () => {
  const text = "é€😀".repeat(200_000);
  assert.equal(await guest.call("fString", { a: text }), text);
  const { json } = await guest.raw("fString", Buffer.from(JSON.stringify({ a: text })));
  assert.equal(Buffer.from(json ?? "").toString(), JSON.stringify(text));
});

test("a query string names arguments by their types", async () => {
  const ask = async (fn: string, body: string) =>
    (await guest.raw(fn, "", { arguments: { format: "query", body } })).json;
  assert.equal(await ask("fI32", "a=-5"), "-5");
  assert.equal(await ask("fBool", "a=true"), "true");
  assert.equal(await ask("fU64", "a=18446744073709551615"), '"18446744073709551615"');
  assert.equal(await ask("fString", "a=a+b%20%C3%A9&"), '"a b é"');
  assert.equal(await ask("fF64", "a=NaN"), '"NaN"');
  assert.equal(await ask("fColor", "a=Green"), '"Green"');
  assert.equal(await ask("fDefault", "a=3"), '"3:5:x"');
  for (const [fn, query, code] of [
    ["fI32", "a=1&a=2", "arguments.invalid"],
    ["fI32", "a=0x10", "arguments.invalid"],
    ["fI32", "a=", "arguments.invalid"],
    ["fI32", "b=1", "arguments.invalid"],
    ["fBool", "a=1", "arguments.invalid"],
    ["fStrings", "a=1", "method.unsupported"],
  ] as const) {
    const error = await failureOf(ask(fn, query));
    assert.equal(error.code, code, `${fn}?${query}`);
    if (code === "arguments.invalid") assert.equal(error.where, "/a", `${fn}?${query}`);
  }
});
