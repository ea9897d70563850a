// Writes that come together are one, each with its own result; a failed one fails those that it held, and no other.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SharedWrites } from "../../src/storage/shared-writes.js";

/** A disk that writes when it is told to. */
class SlowDisk {
  readonly batches: (readonly number[])[] = [];
  drained = 0;
  #ends: ((error?: Error) => void)[] = [];
  readonly writes = new SharedWrites<number, string>({
    write: (batch) => {
      this.batches.push(batch);
      return new Promise((resolve, reject) => {
        this.#ends.push((error) => (error === undefined ? resolve(batch.map((item) => `${item}!`)) : reject(error)));
      });
    },
    drained: () => this.drained++,
  });

  async end(error?: Error): Promise<void> {
    while (this.#ends.length === 0) await new Promise((resolve) => setImmediate(resolve));
    this.#ends.shift()?.(error);
  }
}

test("changes of one turn are one write, changes during it are the next, and each gets its own result", async () => {
  const disk = new SlowDisk();
  const first = [1, 2].map((item) => disk.writes.add(item));
  assert.equal(disk.writes.waiting, 2);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(disk.writes.waiting, 0);
  const second = [3, 4, 5].map((item) => disk.writes.add(item));
  assert.equal(disk.writes.waiting, 3);
  await disk.end();
  assert.deepEqual(await Promise.all(first), ["1!", "2!"]);
  assert.equal(disk.drained, 0);
  await disk.end();
  assert.deepEqual(await Promise.all(second), ["3!", "4!", "5!"]);
  await disk.writes.idle();
  assert.deepEqual(
    [disk.batches, disk.drained],
    [
      [
        [1, 2],
        [3, 4, 5],
      ],
      1,
    ],
  );
});

test("a write that fails fails its items, and the next goes on", async () => {
  const disk = new SlowDisk();
  const failing = [1, 2].map((item) => assert.rejects(disk.writes.add(item), /the disk is full/));
  await new Promise((resolve) => setImmediate(resolve));
  const good = disk.writes.add(3);
  await disk.end(new Error("the disk is full"));
  await Promise.all(failing);
  await disk.end();
  assert.equal(await good, "3!");
  await disk.writes.idle();
  await disk.writes.idle();
  assert.equal(disk.drained, 1);
});
