// The console for a developer: sign in, write, get compile errors, mend, deploy, try, run many times, roll back.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createToken, revokeToken } from "../../src/api/tokens.js";
import { deployText, type RealNode, startNode } from "../harness/tls/real-node.js";
import { openPage, openSignedIn, writeSource } from "./browser.js";

let node: RealNode;
const hostile = "<img src=x onerror=alert(1)>";
const refusals = /status of (401|422|400|500)/;

before(async () => {
  node = await startNode();
});

after(() => node.stop());

function signedIn(view = "#/") {
  return { url: node.ready.url, token: node.ready.token ?? "", view };
}

test("the sign-in link signs in once and leaves no code in the address", async (t) => {
  const { page, faults } = await openPage(t, node.ready.signInUrl, { allowed: refusals });
  await page.getByRole("heading", { name: "Functions" }).waitFor();
  await page.getByText("No app is deployed yet.").waitFor();
  assert.ok(!page.url().includes("code="), page.url());
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.goto("about:blank");
  await page.goto(node.ready.signInUrl);
  await page.getByText("The sign-in link did not work").waitFor();
  assert.deepEqual(faults, []);
});

test("a first app: refused at its line, mended, deployed, run, run 500 times", async (t) => {
  const { page, faults } = await openSignedIn(t, { ...signedIn("#/new"), allowed: refusals });
  await page.getByLabel("Name").fill("first");
  await writeSource(page, "export function twice(n: i32): i32 {\n  return n * missing;\n}\n");
  await page.getByRole("button", { name: "Deploy", exact: true }).click();
  await page.getByText("The compiler refused it in 1 place").waitFor();
  await page.locator(".cm-lintRange-error", { hasText: "missing" }).waitFor();
  await page.getByRole("button", { name: "index.ts:2:14" }).click();
  await page.locator(".cm-editor.cm-focused").waitFor();
  await page.keyboard.press("Shift+End");
  await page.keyboard.insertText("2;");
  await page.keyboard.press("Control+Enter");
  await page.getByText(/^Deployed as [0-9a-f]{12}, on 1 node$/).waitFor();
  await page.getByRole("link", { name: "Try it" }).click();

  await page.getByLabel("n", { exact: true }).fill("21");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.getByLabel("Answer").getByText("42", { exact: true }).waitFor();
  assert.equal(await page.locator("dt:text-is('Node') + dd").innerText(), "test");
  assert.equal(await page.locator("dt:text-is('Hops') + dd").innerText(), "0");

  await page.getByRole("button", { name: "Run 500 times" }).click();
  await page.getByText("500 calls done").waitFor();
  await page.getByRole("img", { name: /^Histogram of 500 calls/ }).waitFor();
  assert.equal(await page.locator(".shares .number").innerText(), "500 (100 %)");

  await page.getByText("Call it from elsewhere").click();
  assert.match(await page.getByLabel("curl", { exact: true }).innerText(), /-d '\{"n":21\}'/);
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByLabel("OpenAPI", { exact: true }).getByText('"openapi": "3.1.0"').waitFor();

  await page.getByRole("link", { name: "Functions", exact: true }).first().click();
  const row = page.getByRole("row", { name: /twice/ });
  await row.getByText(/µs|ms/).first().waitFor();
  assert.deepEqual(faults, []);
});

test("a form for every kind of parameter: nested records, lists, enums, options, maps, bytes of a file", async (t) => {
  await deployText(
    node.client,
    "kinds",
    `export enum Colour { Red, Green }
export class Inner { colour: Colour = Colour.Red; big: i64 = 0; }
/** ${hostile} */
export class Outer { inner: Inner = new Inner(); parts: Array<Inner> = []; note: string | null = null; }
export function show(outer: Outer, counts: Map<string, i32>, raw: Uint8Array, on: bool, ratio: f64 = 0.5): string {
  return outer.inner.colour.toString() + " " + outer.inner.big.toString() + " " + outer.parts.length.toString() + " " +
    (outer.note == null ? "none" : outer.note!) + " " + counts.get("key").toString() + " " +
    raw.length.toString() + " " + on.toString() + " " + ratio.toString();
}
`,
  );
  const { page, faults } = await openSignedIn(t, { ...signedIn("#/apps/kinds/try/show"), allowed: refusals });
  await page.getByLabel("colour").first().selectOption("Green");
  await page.getByLabel("big").first().fill("9007199254740993");
  await page.getByRole("button", { name: "Add an entry to parts" }).click();
  await page.getByLabel("Give note").check();
  await page.getByLabel("note", { exact: true }).fill(hostile);
  await page
    .getByLabel("File for raw")
    .setInputFiles({ name: "a.bin", mimeType: "a/b", buffer: Buffer.from("seven b") });
  await page.getByText("7 bytes").waitFor();
  await page.getByRole("button", { name: "Run", exact: true }).click();
  const answer = page.getByLabel("Answer");
  await answer.getByText(`"1 9007199254740993 2 ${hostile} 10 7 true 0.5"`).waitFor();
  await page.getByLabel("counts.key", { exact: true }).fill("many");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.getByText("arguments.invalid").waitFor();
  await page.getByText("/counts/key", { exact: true }).waitFor();
  assert.equal(await page.locator("img").count(), 0);
  assert.deepEqual(faults, []);
});

test("a dropped folder becomes an app of several files; a revision is shown, rolled back to, removed", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "herd-drop-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const dropped = join(folder, "My Shop");
  await mkdir(join(dropped, "lib"), { recursive: true });
  await mkdir(join(dropped, "node_modules"), { recursive: true });
  await writeFile(
    join(dropped, "index.ts"),
    'import { tax } from "./lib/tax";\nexport function total(n: i32): i32 { return tax(n); }\n',
  );
  await writeFile(join(dropped, "lib/tax.ts"), "export function tax(n: i32): i32 { return n + 1; }\n");
  await writeFile(join(dropped, "node_modules/other.ts"), "never read");
  await writeFile(join(dropped, "notes.md"), "never read");

  const { page, context, faults } = await openSignedIn(t, signedIn("#/new"));
  const box = await page.locator(".code-field").boundingBox();
  assert.ok(box, "no box");
  const devtools = await context.newCDPSession(page);
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    const data = { items: [], files: [dropped], dragOperationsMask: 1 };
    await devtools.send("Input.dispatchDragEvent", { type, x: box.x + 60, y: box.y + 60, data });
  }
  await page.getByRole("button", { name: "lib/tax.ts" }).waitFor();
  assert.equal(await page.getByLabel("Name").inputValue(), "my-shop");
  assert.deepEqual(await page.locator("button.tab").allInnerTexts(), ["index.ts", "lib/tax.ts"]);
  await page.getByRole("button", { name: "Deploy", exact: true }).click();
  await page.getByText(/^Deployed as/).waitFor();

  const first = await page.locator(".facts code").innerText();
  await page.getByRole("button", { name: "lib/tax.ts" }).click();
  await writeSource(page, "export function tax(n: i32): i32 { return n + 2; }\n");
  await page.getByText("Changed, not deployed").waitFor();
  await page.keyboard.press("Control+Enter");
  await page.getByText(/^Deployed as/).waitFor();
  await page.getByRole("link", { name: "Revisions" }).click();
  const old = page.getByRole("row", { name: new RegExp(first) });
  await old.getByRole("button", { name: "Source" }).click();
  await page.getByRole("dialog").getByText("return n + 1;").waitFor();
  await page.getByRole("button", { name: "Close" }).click();
  await old.getByRole("button", { name: "Roll back" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Roll back" }).click();
  await old.getByText("current").waitFor();

  await page.getByRole("button", { name: "Remove", exact: true }).click();
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Remove", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await page.getByRole("heading", { name: "Functions" }).waitFor();
  await page.getByText("my-shop").waitFor({ state: "detached" });
  assert.deepEqual(faults, []);
});

test("a revoked token brings the sign-in over the page, and the editor keeps its text", async (t) => {
  const { json: made } = await node.client.call(createToken, { body: { role: "admin" } });
  const { page, faults } = await openSignedIn(t, {
    ...signedIn("#/new"),
    token: made.token,
    allowed: /status of 40[13]/,
  });
  await page.getByLabel("Name").fill("kept");
  await writeSource(page, "export function kept(): string { return 'kept'; }\n");
  await node.client.call(revokeToken, { parameters: { id: made.id } });
  await page.getByRole("button", { name: "Deploy", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Sign in again" });
  await dialog.getByLabel("Token").fill("not a token");
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await dialog.getByText("The token is not valid").waitFor();
  await dialog.getByLabel("Token").fill(node.ready.token ?? "");
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.locator(".cm-content").getByText("return 'kept'").waitFor();
  await page.getByRole("button", { name: "Deploy", exact: true }).click();
  await page.getByText(/^Deployed as/).waitFor();
  assert.deepEqual(faults, []);
});
