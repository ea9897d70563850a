// Writes that a full disk refused: held and tried again, but never after the state was closed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HerdError } from "../../src/core/errors.js";
import { HeldWrites } from "../../src/storage/held-writes.js";

test("a try that is under way when the writes are stopped plans no other one", async () => {
  const planned: (() => void)[] = [];
  const held = new HeldWrites({
    after: (_ms, run) => {
      planned.push(run);
      return () => undefined;
    },
  });
  let tries = 0;
  let refuse = (): void => undefined;
  held.hold("/state/file", () => {
    tries++;
    return new Promise((_, reject) => {
      refuse = () => reject(new HerdError("storage.full", "/state takes no more"));
    });
  });
  assert.equal(planned.length, 1);
  planned[0]?.();
  held.stop();
  const last = held.flush();
  refuse();
  await last;
  await new Promise(setImmediate);
  assert.equal(planned.length, 1, "another try was planned after the stop");
  assert.equal(tries, 1);
  assert.deepEqual(held.paths(), ["/state/file"]);
});
