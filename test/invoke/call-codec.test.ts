// Calls and results on the wire: each arrives as it was sent, and no other frame is accepted.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { pack, unpack } from "msgpackr";
import { type ErrorCode, errorTable } from "../../src/core/error-codes.js";
import { decodeCall, decodeResult, encodeCall, encodeResult } from "../../src/invoke/forwarding/call-codec.js";
import type { ForwardedCall, ForwardedResult } from "../../src/invoke/forwarding/forwarded-call.js";
import { refusals } from "../../src/invoke/routing/refusal.js";
import { sourcesUnder } from "../source-tree.js";

const report = [1, 2, "three"];
const crossed = (value: unknown): unknown => unpack(pack(value));

test("a call arrives as it was sent", () => {
  const call: ForwardedCall = {
    app: "shop",
    revision: "0123456789ab",
    function: "Cart.total",
    arguments: { format: "json", body: Buffer.from('{"a":"ä"}') },
    id: "0123456789ab-1z",
    remainingMs: 1_234.5,
    queueTimeoutMs: 0.25,
  };
  assert.deepEqual(decodeCall(crossed(encodeCall(call))), call);
  const query = { ...call, arguments: { format: "query", body: "a=1&b=ä" } as const, queueTimeoutMs: undefined };
  assert.deepEqual(decodeCall(crossed(encodeCall(query))), query);
});

test("a result arrives as it was sent", () => {
  const answers: ForwardedResult[] = [
    { kind: "ok", json: '"ä"', queueMs: 0.5, runMs: 2, serviceMs: 2.5 },
    { kind: "ok", json: Buffer.from("[1]"), queueMs: 0, runMs: 0, serviceMs: 0 },
    { kind: "ok", json: null, queueMs: 0, runMs: 0, serviceMs: undefined },
    { kind: "failed", error: { code: "function.trapped", detail: "no luck", where: "index.ts:1:2" }, late: false },
    { kind: "failed", error: { code: "arguments.invalid", detail: "" }, late: false },
    ...refusals.map((reason) => ({ kind: "refused", reason }) as const),
  ];
  for (const answer of answers) {
    assert.deepEqual(decodeResult(crossed(encodeResult(answer, report))), { result: answer, report });
  }
});

test("a peer can make a call fail only as a function fails", () => {
  const allowed = Object.keys(errorTable).filter((code) => {
    const error = { code: code as ErrorCode, detail: "x" };
    return decodeResult(crossed(encodeResult({ kind: "failed", error, late: false }, report))) !== undefined;
  });
  assert.deepEqual(allowed.toSorted(), [
    "arguments.invalid",
    "function.deadline",
    "function.out-of-memory",
    "function.result-too-large",
    "function.trapped",
    "internal",
    "method.unsupported",
    "request.malformed",
  ]);
});

test("every failure of a function that the sandbox knows crosses as one: the peer that ran it is not blamed", () => {
  const thrown = sourcesUnder(["runtime/sandbox/binding", "runtime/sandbox/thread"]).flatMap(({ text }) =>
    [...text.matchAll(/HerdError\(\s*"([a-z.-]+)"/g)].map(([, code]) => code as ErrorCode),
  );
  assert.ok(thrown.length > 5, `${thrown.length} codes were found`);
  for (const code of new Set(thrown)) {
    // A failure of the node is refused before it is encoded: see `errorOf` in pool-thread.ts. A defect is the peer's.
    if (["node", "defect"].includes(errorTable[code].fault)) continue;
    const sent = encodeResult({ kind: "failed", error: { code, detail: "x" }, late: false }, report);
    assert.equal(decodeResult(crossed(sent))?.result.kind, "failed", code);
  }
});

test("the texts of a failure are bounded at both ends", () => {
  const error = { code: "function.trapped", detail: "x".repeat(100_000), where: "y".repeat(100_000) } as const;
  const sent = encodeResult({ kind: "failed", error, late: false }, report);
  assert.ok(pack(sent).length < 20_000, `${pack(sent).length}`);
  const forged = sent.with(3, error.detail).with(4, error.where);
  const got = decodeResult(crossed(forged))?.result;
  assert.ok(
    got?.kind === "failed" && got.error.detail.length < 20_000 && (got.error.where?.length ?? 0) < 2_000,
    JSON.stringify(got).slice(0, 200),
  );
});

test("any frame is decoded without throwing, and decoded values are within their bounds", () => {
  const good = encodeCall({
    app: "shop",
    revision: "0123456789ab",
    function: "f",
    arguments: { format: "json", body: "" },
    id: "a-1",
    remainingMs: 1,
    queueTimeoutMs: 1,
  });
  const fine = encodeResult({ kind: "ok", json: "1", queueMs: 0, runMs: 0, serviceMs: 0 }, report);
  const odd = fc.oneof(fc.anything(), fc.double(), fc.bigInt(), fc.string({ maxLength: 100 }));
  fc.assert(
    fc.property(fc.nat(8), odd, fc.anything(), (index, value, other) => {
      for (const frame of [good.with(index, value), other]) {
        const call = decodeCall(frame);
        if ("wrong" in call) {
          assert.ok(call.wrong.length < 100 && !call.wrong.includes("\n"), call.wrong);
          continue;
        }
        assert.equal((frame as unknown[])[0], 1);
        assert.match(call.id, /^[0-9a-z-]{1,40}$/);
        assert.ok(
          call.app.length <= 63 && call.function.length <= 1_024,
          `${call.app.length}, ${call.function.length}`,
        );
        assert.ok(call.remainingMs >= 0 && call.remainingMs <= 1e9, `${call.remainingMs}`);
      }
      for (const frame of [fine.with(index % 5, value), other]) {
        const decoded = decodeResult(frame)?.result;
        if (decoded?.kind === "failed")
          assert.ok(decoded.error.detail.length < 20_000, `${decoded.error.detail.length}`);
      }
    }),
    { numRuns: 2_000 },
  );
});
