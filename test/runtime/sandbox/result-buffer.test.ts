// The results keeps calls apart: what one batch left is never read as the result of another.
import assert from "node:assert/strict";
import { test } from "node:test";
import { maxBatch, ResultBuffer } from "../../../runtime/sandbox/result-buffer.js";

function sides(): { main: ResultBuffer; worker: ResultBuffer } {
  const main = new ResultBuffer();
  return { main, worker: new ResultBuffer(main.shared) };
}

test("a result that fills the text to the last byte leaves room for the others' errors", () => {
  const { main, worker } = sides();
  main.begin();
  worker.open();
  worker.claim(0);
  // Three bytes a unit: the room check is exact for these.
  while (worker.putJson(0, "€".repeat(1_000)));
  while (worker.putJson(0, "€"));
  for (let index = 1; index < maxBatch; index++) {
    worker.claim(index);
    const data = JSON.stringify({ code: "function.trapped", detail: `boom ${index}` });
    assert.equal(worker.putError(index, data), false);
    worker.putShortError(index, JSON.stringify({ code: "function.result-too-large", detail: "" }));
    worker.finish(index, 1);
  }
  for (let index = 1; index < maxBatch; index++) {
    const ended = main.read(index);
    assert.equal(ended.kind, "error");
    assert.equal(JSON.parse(ended.kind === "error" ? ended.data : "").code, "function.result-too-large");
  }
});

test("a call without a result reads as a failure, never as a result of the batch before", () => {
  const { main, worker } = sides();
  for (const secret of ['"of another caller"', null]) {
    main.begin();
    worker.open();
    worker.claim(3);
    worker.putJson(3, secret);
    worker.finish(3, 1);
    assert.deepEqual(main.read(3), { kind: "json", json: secret });
    main.begin();
    worker.open();
    worker.claim(3);
    worker.finish(3, 1);
    const ended = main.read(3);
    assert.equal(ended.kind, "error");
    assert.equal(JSON.parse(ended.kind === "error" ? ended.data : "").code, "internal");
  }
});
