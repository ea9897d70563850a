// The console for an operator, on a mesh of three nodes: calls that spread, a join to approve, a node to revoke.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deploy, launchJoiner, meshSeenBy, seesAlive, startMesh, until } from "../harness/processes/processes.js";
import { openSignedIn } from "./browser.js";

const names = ["north", "east", "south"];
/** Enough work that the one worker of the asked node is busy when the next call arrives. */
const work = `export function spin(rounds: i32): i32 {
  let sum = 1;
  for (let i = 0; i < rounds; i++) sum = sum * 31 + i;
  return sum;
}
`;

test("five hundred calls spread over the mesh; a node joins, drains, resumes, is revoked; audit holds", async (t) => {
  const mesh = await startMesh(t, names);
  const { token, founder: north } = mesh;
  await until("all three are linked", () => seesAlive(north, { token, names }));
  await deploy(north, { app: "work", text: work, token });
  const { url } = north.ready;
  const { page, faults } = await openSignedIn(t, { url, token, view: "#/apps/work/try/spin" });

  await page.getByLabel("rounds").fill("4000000");
  await page.getByRole("button", { name: "Run 500 times" }).click();
  await page.getByText("500 calls done").waitFor({ timeout: 120_000 });
  const shares = await page.locator(".shares li").allInnerTexts();
  t.diagnostic(`500 calls: ${shares.map((share) => share.replaceAll("\n", " ")).join(", ")}`);
  assert.ok(shares.length >= 2, shares.join());
  await page.getByRole("img", { name: /^Histogram of 500 calls/ }).waitFor();

  await page.getByRole("link", { name: "Mesh" }).click();
  await page.getByRole("img", { name: "north and its links to 2 peers, as in the table" }).waitFor();
  for (const name of names) await page.getByRole("row", { name: new RegExp(`^${name}.*alive`) }).waitFor();

  const asking = launchJoiner(t, { mesh, name: "west", at: url });
  const waiting = page.getByRole("region", { name: "Waiting to join" });
  await waiting.waitFor({ timeout: 60_000 });
  const code = await waiting.locator(".join-code").innerText();
  await until("the new node shows the same code", async () => asking.lines.some((line) => line.includes(code)));
  await waiting.getByRole("button", { name: "Approve west" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Approve" }).click();
  await mesh.add(asking);
  await page.getByRole("row", { name: /^west.*alive/ }).waitFor({ timeout: 60_000 });
  await waiting.waitFor({ state: "detached" });

  await page.getByRole("link", { name: "west" }).click();
  await page.getByText("Public certificate").waitFor();
  await page.getByRole("button", { name: "Drain" }).click();
  await page.getByRole("button", { name: "Resume" }).waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByRole("button", { name: "Drain" }).waitFor();
  await page.getByRole("button", { name: "Revoke" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await page.getByText("revoked", { exact: true }).waitFor();
  await until("the mesh knows it", async () => (await meshSeenBy(north, token)).revoked.includes("west"));

  await page.getByRole("link", { name: "Mesh" }).click();
  await page.getByText("Revoked:").waitFor();
  await page.getByRole("link", { name: "Who let whom in" }).click();
  await page.locator(".tree").getByText("south").waitFor();
  assert.equal(await page.locator(".tree li").count(), 4);

  await page.getByRole("link", { name: "Audit" }).click();
  await page.getByText(/^\d+ records: nothing changed, dropped, reordered or forged$/).waitFor();
  await page.getByRole("row", { name: /node\.revoked/ }).waitFor();
  assert.deepEqual(faults, []);
});
