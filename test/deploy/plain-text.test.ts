// Nothing that users entrust to a node is readable in its state directory: sources, arguments, results and log lines.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { callText, deployText, startNode } from "../harness/tls/real-node.js";

const secrets = {
  source: "source-6b1f0c9a-of-a-user",
  argument: "argument-2d7e41c8-of-a-user",
  result: "result-argument-2d7e41c8-of-a-user",
  log: "logged-argument-2d7e41c8-of-a-user",
  app: "plaintext-app-51c3",
};

const text = `// ${secrets.source}
export function tell(text: string): string {
  console.log("logged-" + text);
  if (text == "fail") throw new Error("trap-" + text);
  return "result-" + text;
}`;

/** Every form in which a file could hold a text readably. */
const formsOf = (secret: string) => [
  Buffer.from(secret),
  Buffer.from(secret, "utf16le"),
  Buffer.from(Buffer.from(secret).toString("hex")),
  // Of three offsets in base64 one matches, without the bytes at its edges.
  ...[0, 1, 2].map((skip) => {
    const whole = Math.floor((secret.length - skip) / 3) * 3;
    return Buffer.from(Buffer.from(secret.slice(skip, skip + whole)).toString("base64"));
  }),
];

/** Reads every file; a file that was renamed between the listing and its turn restarts the walk. */
async function assertSealed(state: string): Promise<void> {
  const entries = await readdir(state, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  assert.ok(
    files.some((file) => file.includes("blob-")),
    "the catalog's files are looked at",
  );
  for (const file of files) {
    const content = await readFile(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
    if (content === undefined) return assertSealed(state);
    for (const [kind, secret] of Object.entries(secrets)) {
      assert.ok(!file.includes(secret), `${kind} is the name of ${file}`);
      assert.ok(!formsOf(secret).some((form) => content.includes(form)), `${kind} is readable in ${file}`);
    }
  }
}

test("a readable secret is found in every form, wherever it stands", () => {
  for (const padding of ["", "1", "12", "123"]) {
    const plain = Buffer.from(`{"${padding}":"${secrets.source}"}`);
    for (const encoding of ["utf8", "hex", "base64"] as const) {
      const content = Buffer.from(plain.toString(encoding));
      assert.ok(
        formsOf(secrets.source).some((form) => content.includes(form)),
        `${encoding} after "${padding}"`,
      );
    }
  }
});

test("sources, arguments, results and logs are not readable in the state directory", async () => {
  const running = await startNode();
  try {
    const { client, ready } = running;
    await deployText(client, secrets.app, text);
    const body = JSON.stringify({ text: secrets.argument });
    assert.equal(await callText(client, `${secrets.app}/tell`, body), JSON.stringify(secrets.result));
    await assert.rejects(callText(client, `${secrets.app}/tell`, '{"text":"fail"}'));
    await assertSealed(ready.state);
    await running.node.stop();
    await assertSealed(ready.state);
  } finally {
    await running.stop();
  }
});
