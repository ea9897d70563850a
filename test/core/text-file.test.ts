// A file that somebody names and that cannot be read is refused in words, with none of the system's.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { loadConfig } from "../../src/core/config.js";
import { readTextFile } from "../../src/core/text-file.js";
import { UsageError } from "../../src/core/usage-error.js";

const folder = await mkdtemp(join(tmpdir(), "herd-named-"));
after(() => rm(folder, { recursive: true }));

async function refusal(reading: Promise<unknown>): Promise<string> {
  const error = await reading.then(
    () => assert.fail("it was read"),
    (error: unknown) => error,
  );
  assert.ok(error instanceof UsageError, String(error));
  return error.message;
}

test("what is not there, and a folder, are told as that", async () => {
  const missing = join(folder, "missing");
  assert.equal(await refusal(readTextFile(missing)), `${missing} cannot be read: there is no such file`);
  assert.equal(await refusal(readTextFile(folder)), `${folder} cannot be read: it is a folder`);
  const config = loadConfig({ flags: { config: missing } });
  assert.equal(await refusal(config), `${missing} cannot be read: there is no such file`);
});

test("settings that are no JSON are told as that", async () => {
  const path = join(folder, "settings.json");
  await writeFile(path, "{port: 1}");
  const message = await refusal(loadConfig({ flags: { config: path } }));
  assert.ok(message.startsWith(`${path}: it is no JSON: `), message);
});
