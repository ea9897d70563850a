// Live parts of the console: log lines across a restart of the node, in any number, never as markup; the mesh; events.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { callText, deployText, startNode } from "../harness/tls/real-node.js";
import { openSignedIn } from "./browser.js";

const hostile = "<script>document.title = 'taken'</script><b>bold</b>";
const source = `export function say(words: string): void { console.log(words); }
export function many(count: i32): void { for (let i = 0; i < count; i++) console.log("line " + i.toString()); }
`;

/** The longest of 60 frames, in ms, while `step` runs before each; `box` is the list of log lines. */
function longestFrame(page: Page, step: string): Promise<number> {
  return page.evaluate<number>(`new Promise((resolve) => {
    const box = document.querySelector(".log-lines");
    let last = performance.now(), worst = 0, frame = 0;
    const next = () => {
      const now = performance.now();
      worst = Math.max(worst, now - last);
      last = now;
      ${step};
      if (++frame < 60) requestAnimationFrame(next); else resolve(worst);
    };
    requestAnimationFrame(next);
  })`);
}

test("logs follow a guest across a restart of the node, show the stream's state, keep markup as text", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "herd-live-"));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  let node = await startNode({}, folder);
  t.after(() => node.stop());
  await deployText(node.client, "speaker", source);
  const { url, token = "" } = node.ready;
  const opened = await openSignedIn(t, { url, token, view: "#/logs", allowed: /ERR_|status of 40/ });
  const { page, faults } = opened;
  await callText(node.client, "speaker/say", JSON.stringify({ words: hostile }));
  await page.getByText(hostile).waitFor();
  assert.equal(await page.locator(".log-lines b, .log-lines script").count(), 0);
  assert.equal(await page.title(), "Wasmherd");

  const port = new URL(url).port;
  await node.stop();
  await page.getByText("Connection lost, trying again…").first().waitFor();
  node = await startNode({ port: Number(port) }, folder);
  await page.getByText("Live", { exact: true }).waitFor();
  await page.getByText("Following.").waitFor();
  await callText(node.client, "speaker/say", JSON.stringify({ words: "after the restart" }));
  await page.getByText("after the restart").waitFor();
  // The line from before the restart is still there, once.
  assert.equal(await page.getByText(hostile).count(), 1);

  await page.getByRole("button", { name: "Hold still" }).click();
  await callText(node.client, "speaker/say", JSON.stringify({ words: "while held" }));
  await page.getByText(/1 new line waits/).waitFor();
  assert.equal(await page.getByText("while held").count(), 0);
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByText("while held").waitFor();

  await page.getByLabel("Text in the message").fill("held");
  await page.getByText("after the restart").waitFor({ state: "detached" });
  await page.getByLabel("Text in the message").fill("");
  await page.getByLabel("App").selectOption("speaker");
  await page.getByLabel("At least").selectOption("error");
  await page.getByText("No line matches.").waitFor();
  assert.deepEqual(faults, []);
});

test("ten thousand lines leave the page quick", async (t) => {
  const node = await startNode();
  t.after(() => node.stop());
  await deployText(node.client, "speaker", source);
  const { url, token = "" } = node.ready;
  const { page } = await openSignedIn(t, { url, token, view: "#/logs" });
  for (let call = 0; call < 100; call++) await callText(node.client, "speaker/many", JSON.stringify({ count: 100 }));
  await page.getByRole("region", { name: /^10,000 log lines/ }).waitFor();
  assert.ok((await page.locator(".log-lines li").count()) < 120, "the page keeps fewer than 120 lines");
  const worst = await longestFrame(page, "box.scrollTop = (frame * 7919) % box.scrollHeight");
  t.diagnostic(`longest frame while scrolling through 10,000 lines: ${worst.toFixed(0)} ms`);
  assert.ok(worst < 400, `a frame took ${worst} ms`);
});

test("a hundred nodes leave the page quick", async (t) => {
  const node = await startNode();
  t.after(() => node.stop());
  const { url, token = "" } = node.ready;
  const { page, faults } = await openSignedIn(t, { url, token });
  const here = { slots: 2, running: 1, queued: 0, capacity: 1, weight: 900, owner: "none", loopDelayMs: 1, pace: 1 };
  const peer = (index: number) => ({
    ...here,
    name: `node-${index}`,
    state: index % 9 === 0 ? "dead" : "alive",
    rttMs: index / 10,
    errorRate: 0,
    ejected: false,
    forwarded: index * 1_000,
  });
  const mesh = {
    node: "test",
    here,
    peers: Array.from({ length: 100 }, (_, index) => peer(index)),
    masters: [],
    revoked: [],
  };
  await page.route("**/v1/mesh", (route) => route.fulfill({ json: mesh }));
  // Each answer ends at once, so the page opens the stream again and again: faster than the one event a second of a
  // node.
  await page.route("**/v1/events*", (route) =>
    route.fulfill({
      contentType: "text/event-stream",
      body:
        "event: figures\ndata: " +
        `${JSON.stringify({ type: "figures", at: new Date().toISOString(), mesh, apps: {} })}\n\n`,
    }),
  );
  await page.reload();
  await page.getByRole("link", { name: "Mesh" }).click();
  await page.getByRole("img", { name: "test and its links to 100 peers, as in the table" }).waitFor();
  assert.equal(await page.getByRole("row").count(), 102);
  const worst = await longestFrame(page, "scrollTo(0, (frame * 97) % 2000)");
  t.diagnostic(`longest frame with 100 nodes: ${worst.toFixed(0)} ms`);
  assert.ok(worst < 400, `a frame took ${worst} ms`);
  assert.deepEqual(faults, []);
});

test("an answer and an event that the page cannot read are named, and the rest of the page goes on", async (t) => {
  const node = await startNode();
  t.after(() => node.stop());
  const { url, token = "" } = node.ready;
  const { page, faults } = await openSignedIn(t, { url, token });
  const banner = page.getByRole("alert").filter({ hasText: "The page cannot read what the node sent" });
  assert.equal(await banner.count(), 0);
  await page.route("**/v1/audit?limit=*", (route) => route.fulfill({ json: [{ at: 1 }] }));
  await page.getByRole("link", { name: "Audit" }).click();
  await page.getByText("nothing changed").waitFor();
  await banner
    .getByText(/^GET \/v1\/audit: 0\.at /)
    .first()
    .waitFor();
  await page.unroute("**/v1/audit?limit=*");
  await page.route("**/v1/events*", (route) =>
    route.fulfill({ contentType: "text/event-stream", body: `event: later\ndata: {"type":"later"}\n\n` }),
  );
  await page.reload();
  await banner.getByText(/^GET \/v1\/events: /).waitFor();
  await page.getByText(/^\d+ records: nothing changed/).waitFor();
  await banner.getByRole("button", { name: "Load again" }).waitFor();
  assert.deepEqual(faults, []);
});
