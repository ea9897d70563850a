// Accessibility and loading: axe finds no violation in both themes and widths; keyboard alone; a small first load.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { deployText, type RealNode, startNode } from "../harness/tls/real-node.js";
import { openPage, openSignedIn } from "./browser.js";

let node: RealNode;

before(async () => {
  node = await startNode();
  const source = `export class Item { name: string = ""; price: i64 = 0; }
/** Price of all. */
export function total(items: Array<Item>, note: string | null = null, discount: f64 = 0): i64 {
  console.log("asked");
  return items[0].price;
}
`;
  await deployText(node.client, "shop", source);
  await deployText(node.client, "shop", `${source}\n`.replace("asked", "was asked"));
});

after(() => node.stop());

/** The elements that stand out to the right, with their right edges. */
const widest = `[...document.querySelectorAll("body *")]
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
  .map((one) => one.tagName + "." + one.className + " " + Math.round(one.getBoundingClientRect().right))
  .slice(0, 12).join(", ")`;

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly target: unknown; readonly failureSummary?: string }[];
}

/** Violations of WCAG 2.2 AA and of axe's best practices. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const run = `axe.run(document, { runOnly: ${JSON.stringify(tags)} }).then(({ violations }) => violations)`;
  const found = await page.evaluate<Violation[]>(run);
  return found.map(({ id, nodes: [first, ...others] }) => {
    return `${id} ${String(first?.target)} and ${others.length} more: ${first?.failureSummary}`;
  });
}

const views: readonly {
  readonly view: string;
  readonly ready: string;
  readonly act?: (page: Page) => Promise<unknown>;
}[] = [
  { view: "#/", ready: "Price of all." },
  { view: "#/new", ready: "New app", act: (page) => page.locator(".cm-content").waitFor() },
  { view: "#/apps/shop/functions", ready: "Price of all." },
  { view: "#/apps/shop/source", ready: "Deploy", act: (page) => page.locator(".cm-content").waitFor() },
  {
    view: "#/apps/shop/revisions",
    ready: "current",
    act: async (page) => {
      await page.getByRole("button", { name: "Roll back" }).first().click();
      await page.getByRole("dialog").waitFor();
    },
  },
  {
    view: "#/apps/shop/try/total",
    ready: "Run it many times",
    act: async (page) => {
      await page.getByRole("button", { name: "Run", exact: true }).click();
      await page.getByLabel("Answer").waitFor();
      await page.getByLabel("Calls").fill("20");
      await page.getByRole("button", { name: "Run 20 times" }).click();
      await page.getByText("20 calls done").waitFor();
      await page.getByText("Call it from elsewhere").click();
    },
  },
  { view: "#/mesh", ready: "This node is alone" },
  { view: "#/mesh/tree", ready: "let in by" },
  { view: "#/nodes/test", ready: "Public certificate" },
  { view: "#/logs", ready: "asked" },
  { view: "#/audit", ready: "nothing changed" },
];

for (const dark of [false, true]) {
  test(`axe finds nothing in any view, ${dark ? "dark" : "light"}; none is wider than 360 pixels`, async (t) => {
    const { url, token = "" } = node.ready;
    const anonymous = await openPage(t, url, { dark });
    await anonymous.page.getByRole("heading", { name: "Sign in to this node" }).waitFor();
    assert.deepEqual(await violations(anonymous.page), [], "sign-in");
    const { page, faults } = await openSignedIn(t, { url, token, dark });
    const found: string[] = [];
    for (const { view, ready, act } of views) {
      for (const width of [1280, 360]) {
        await page.setViewportSize({ width, height: 800 });
        // A fresh page for each view: nothing that an earlier act opened is left.
        await page.goto("about:blank");
        await page.goto(`${url}/${view}`);
        await page.getByText(ready).first().waitFor();
        await act?.(page);
        found.push(...(await violations(page)).map((one) => `${view} at ${width}: ${one}`));
        const wide = await page.evaluate<number>("document.documentElement.scrollWidth");
        if (wide > width) found.push(`${view} is ${wide} wide at ${width}: ${await page.evaluate<string>(widest)}`);
      }
    }
    assert.deepEqual(found, []);
    assert.deepEqual(faults, []);
  });
}

test("the first load is small, comes compressed and cached for good, and does not shift", async (t) => {
  const { page, faults } = await openPage(t, "about:blank");
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Network.enable");
  let bytes = 0;
  devtools.on("Network.loadingFinished", ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  const headers = new Map<string, Record<string, string>>();
  page.on("response", async (response) => {
    headers.set(new URL(response.url()).pathname, await response.allHeaders());
  });
  const { url, token = "" } = node.ready;
  await page.context().addInitScript({
    content: `window.shift = 0;
      new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.shift += entry.value; })
        .observe({ type: "layout-shift", buffered: true });
      if (location.protocol === "https:") sessionStorage.setItem("herd-token", ${JSON.stringify(token)});`,
  });
  await page.goto(`${url}/#/`);
  await page.getByText("Price of all.").waitFor();
  const first = bytes;
  assert.equal(await page.evaluate<number>("window.shift"), 0);
  await page.goto("about:blank");
  await page.goto(`${url}/#/apps/shop/source`);
  await page.locator(".cm-content").waitFor();
  t.diagnostic(
    `first load ${(first / 1_024).toFixed(1)} KB, with the editor ${(bytes / 1_024).toFixed(1)} KB, on the wire`,
  );
  assert.ok(bytes < 300 * 1_024, `${bytes}`);
  const shift = await page.evaluate<number>("window.shift");
  assert.ok(shift < 0.01, `the page with the editor shifts by ${shift}`);
  assert.match(headers.get("/")?.["content-security-policy"] ?? "", /script-src 'self';/);
  for (const [path, { "cache-control": caching, "content-encoding": encoding }] of headers) {
    if (!path.startsWith("/console/")) continue;
    assert.match(String(caching), /immutable/, path);
    if (/\.(js|css)$/.test(path)) assert.ok(encoding === "br" || encoding === undefined, path);
  }
  assert.deepEqual(faults, []);
});

test("keyboard alone: sign in, write, deploy, run", async (t) => {
  const { page, faults } = await openPage(t, node.ready.url);
  const focused = (): Promise<string> =>
    page.evaluate<string>(
      `(() => { let at = document.activeElement; while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
        const label = at.getAttribute("aria-label") ?? at.labels?.[0]?.textContent ?? at.textContent;
        return label.trim().slice(0, 60); })()`,
    );
  const tabTo = async (name: string): Promise<void> => {
    for (let press = 0; press < 60; press++) {
      await page.keyboard.press("Tab");
      if ((await focused()).startsWith(name)) return;
    }
    assert.fail(`${name} is not reached with Tab`);
  };
  await page.getByRole("heading", { name: "Sign in to this node" }).waitFor();
  await tabTo("Token");
  await page.keyboard.insertText(node.ready.token ?? "");
  await page.keyboard.press("Enter");
  await page.getByText("Live", { exact: true }).waitFor();
  await tabTo("New app");
  await page.keyboard.press("Enter");
  await page.locator(".cm-content").waitFor();
  await tabTo("Name");
  await page.keyboard.press("Control+a");
  await page.keyboard.type("keys");
  await tabTo("Source of index.ts");
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText("export function keys(n: i32): i32 { return n + 1; }");
  await page.keyboard.press("Escape");
  await tabTo("Deploy");
  const outline = "getComputedStyle(document.activeElement).outlineStyle";
  assert.equal(await page.evaluate<string>(outline), "solid", "the focus is not seen");
  await page.keyboard.press("Enter");
  await page.getByText(/^Deployed as/).waitFor();
  await tabTo("Try it");
  await page.keyboard.press("Enter");
  await page.getByLabel("n", { exact: true }).waitFor();
  await tabTo("n");
  await page.keyboard.press("Enter");
  await page.getByLabel("Answer").getByText("11", { exact: true }).waitFor();
  assert.deepEqual(faults, []);
});
