// A query string is read correctly or refused at its place: invalid UTF-8 never becomes another text.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FunctionType } from "../../../runtime/interface/model.js";
import { parseQuery } from "../../../runtime/sandbox/binding/query.js";
import { HerdError } from "../../../src/core/errors.js";

const fn: FunctionType = {
  name: "f",
  wit: "f",
  parameters: [
    { name: "a", wit: "a", type: { kind: "string" } },
    { name: "n", wit: "n", type: { kind: "s32" } },
  ],
  result: null,
};

const read: readonly [query: string, values: Record<string, unknown>][] = [
  ["", {}],
  ["a=x&n=3", { a: "x", n: 3 }],
  ["a=x+y%2Bz%20w", { a: "x y+z w" }],
  ["a=%C3%A9%E2%82%AC%F0%9F%98%80&&n=-1&", { a: "é€😀", n: -1 }],
  ["a=%EF%BF%BD", { a: "\ufffd" }],
  ["a=1=2%3D", { a: "1=2=" }],
  ["a", { a: "" }],
  ["%61=x", { a: "x" }],
  ["a=é", { a: "é" }],
  ["a=%00", { a: "\0" }],
];

for (const [query, values] of read) {
  test(`"${query}" is read`, () => assert.deepEqual({ ...parseQuery(query, fn) }, values));
}

const refused: readonly [query: string, place: number, where: string | undefined][] = [
  ["a=%", 2, "/a"],
  ["a=100%&n=1", 5, "/a"],
  ["a=%4", 2, "/a"],
  ["a=%zz", 2, "/a"],
  ["n=1&a=x%ff", 7, "/a"],
  ["a=%C3", 2, "/a"],
  ["a=%C0%AF", 2, "/a"],
  ["a=%E0%80%AF", 2, "/a"],
  ["a=%ED%A0%80", 2, "/a"],
  ["a=%F4%90%80%80", 2, "/a"],
  ["a=ok%20%80", 4, "/a"],
  ["a=x\ufffd", 3, "/a"],
  ["n=1&%ff=x", 4, undefined],
  ["%=x", 0, undefined],
];

for (const [query, place, where] of refused) {
  test(`"${query}" is refused at character ${place}`, () => {
    assert.throws(
      () => parseQuery(query, fn),
      (error) => {
        assert.ok(error instanceof HerdError, String(error));
        assert.equal(error.code, where === undefined ? "request.malformed" : "arguments.invalid");
        assert.equal(error.where, where);
        assert.match(error.message, new RegExp(`not percent-encoded UTF-8 \\(at character ${place} of the query\\)`));
        return true;
      },
    );
  });
}

test("a name that is given twice is refused, however it is written", () => {
  for (const query of ["a=1&a=2", "a=1&%61=2", "a&a="]) {
    assert.throws(() => parseQuery(query, fn), { code: "arguments.invalid", where: "/a" });
  }
});
