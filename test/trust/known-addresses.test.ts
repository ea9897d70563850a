// Whom a node knew, over its next start: kept in order, also when it stops at once.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Logger } from "../../src/core/log.js";
import { MemoryFiles } from "../../src/storage/state-files.js";
import { openAddresses } from "../../src/trust/known-addresses.js";

/** Files whose writes take until the test lets them through. */
class SlowFiles extends MemoryFiles {
  open: () => void = () => undefined;
  fails = false;
  readonly #gate = new Promise<void>((resolve) => {
    this.open = resolve;
  });

  override async write(name: string, content: string | Uint8Array): Promise<void> {
    await this.#gate;
    if (this.fails) throw new Error("the disk is full");
    await super.write(name, content);
  }
}

function logTo(warnings: string[]): Logger {
  const ignore = (): void => undefined;
  return { trace: ignore, debug: ignore, info: ignore, warn: (message) => void warnings.push(message), error: ignore };
}

test("a stop waits for what is to be remembered, and the newest is what stays", async () => {
  const files = new SlowFiles();
  const addresses = await openAddresses(files, logTo([]));
  assert.deepEqual(addresses.remembered, []);
  addresses.remember([{ id: "a", address: "a:1" }]);
  addresses.remember([{ id: "b", address: "b:1" }]);
  let written = false;
  const done = addresses.written().then(() => {
    written = true;
  });
  await new Promise(setImmediate);
  assert.equal(written, false);
  files.open();
  await done;
  const again = await openAddresses(files, logTo([]));
  assert.deepEqual(again.remembered, [{ id: "b", address: "b:1" }]);
});

test("a write that fails is warned of and holds up no stop; a file that is none counts as empty", async () => {
  const files = new SlowFiles();
  const warnings: string[] = [];
  files.fails = true;
  files.open();
  const addresses = await openAddresses(files, logTo(warnings));
  addresses.remember([{ id: "a", address: "a:1" }]);
  await addresses.written();
  assert.deepEqual(warnings, ["the peers' addresses could not be kept"]);
  files.fails = false;
  await files.write("peers", "no JSON");
  assert.deepEqual((await openAddresses(files, logTo([]))).remembered, []);
});
