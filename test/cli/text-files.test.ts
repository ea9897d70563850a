// Files that somebody hands to the command line or to a node are UTF-8, or are refused by name and byte; a byte order
// mark is no text.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { argumentText } from "../../src/cli/invoke.js";
import { tokenText, trustedRoot } from "../../src/client/client-options.js";
import { loadConfig } from "../../src/core/config.js";
import { HerdError } from "../../src/core/errors.js";
import { defaultLimits } from "../../src/core/limits.js";
import { UsageError } from "../../src/core/usage-error.js";
import { readSourceFolder, sendLimits } from "../../src/deploy/read-source-folder.js";
import { readPassphrase } from "../../src/pki/join/configured-identity.js";
import { readUpload } from "../../src/server/endpoints/upload-body.js";

const folder = await mkdtemp(join(tmpdir(), "herd-text-"));
after(() => rm(folder, { recursive: true }));
const mark = Buffer.from([0xef, 0xbb, 0xbf]);
const broken = Buffer.concat([Buffer.from("// é\n// b"), Buffer.from([0xe9]), Buffer.from("\n")]);
const fault = "is not UTF-8 (at byte 10, line 2, column 5)";

async function fileOf(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

async function refusal(reading: Promise<unknown>): Promise<Error> {
  return reading.then(
    () => assert.fail("it was read"),
    (error: Error) => error,
  );
}

test("a source that is not UTF-8 is refused with file, byte and line, by the command line and by a node", async () => {
  const path = await fileOf("broken.ts", broken);
  const local = await refusal(readSourceFolder(path, sendLimits));
  assert.ok(local instanceof HerdError, String(local));
  assert.deepEqual([local.code, local.where], ["request.malformed", "broken.ts:2:5"]);
  assert.equal(local.message, `${path} ${fault}`);
  const plain = readUpload("text/plain", defaultLimits);
  const remote = await refusal(Promise.resolve().then(() => plain(broken)));
  assert.ok(remote instanceof HerdError, String(remote));
  assert.deepEqual([remote.code, remote.where], ["request.malformed", "index.ts:2:5"]);
  assert.equal(remote.message, `index.ts ${fault}`);
  const form = new FormData();
  form.append("file", new Blob(["export function f(): void {}"]), "index.ts");
  form.append("file", new Blob([broken]), "lib/a.ts");
  const encoded = new Response(form);
  const many = readUpload(encoded.headers.get("content-type") ?? "", defaultLimits);
  const body = Buffer.from(await encoded.arrayBuffer());
  const inside = await refusal(Promise.resolve().then(() => many(body)));
  assert.equal(inside.message, `lib/a.ts ${fault}`);
});

test("tokens, arguments, settings, passphrases, certificates: beyond UTF-8 refused by name and byte", async () => {
  const path = await fileOf("broken", broken);
  const readings = [
    tokenText(`@${path}`),
    readPassphrase(path),
    argumentText(`@${path}`),
    trustedRoot({ ca: path, state: folder }),
    loadConfig({ flags: { config: path } }),
  ];
  for (const error of await Promise.all(readings.map(refusal))) {
    assert.ok(error instanceof UsageError, String(error));
    assert.ok(error.message.includes(path) && error.message.includes(fault), error.message);
  }
});

test("UTF-16 is named in the error", async () => {
  const path = await fileOf("wide.ts", Buffer.from("\ufeffexport {}", "utf16le"));
  assert.equal((await refusal(readSourceFolder(path, sendLimits))).message, `${path} is UTF-16, not UTF-8`);
});

test("a byte order mark is dropped, here as by a node", async () => {
  const text = "export function f(): void {}";
  const bytes = Buffer.concat([mark, Buffer.from(text)]);
  assert.equal((await readSourceFolder(await fileOf("marked.ts", bytes), sendLimits))[0]?.text, text);
  assert.equal((await readUpload("text/plain", defaultLimits)(bytes))[0]?.text, text);
  assert.equal(await tokenText(`@${await fileOf("token", Buffer.concat([mark, Buffer.from("abc\n")]))}`), "abc");
  const args = await fileOf("args.json", Buffer.concat([mark, Buffer.from('{"a":1}')]));
  assert.deepEqual([await argumentText(`@${args}`), await argumentText("[1]")], ['{"a":1}', "[1]"]);
  const settings = await fileOf("settings.json", Buffer.concat([mark, Buffer.from('{"port": 8555}')]));
  assert.equal((await loadConfig({ flags: { config: settings } })).port, 8555);
});
