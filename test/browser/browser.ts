// A real browser for tests of the page: Debian's chromium, driven by playwright, with a profile of its own.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { browserPath } from "./browser-path.js";

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A page, and its faults: errors in its console, and violations of its policy. */
export interface TestPage {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly faults: string[];
}

/** How a page is opened; `allowed` matches the errors that the test causes. */
export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  readonly allowed?: RegExp;
}

/** Opens an address in a new browser, which ends with the test. `faults` collects the errors that the page reports. */
export async function openPage(
  test: TestContext,
  url: string,
  { width = 1280, height = 860, dark = false, allowed = /$^/ }: PageOptions = {},
): Promise<TestPage> {
  const executablePath = browserPath();
  if (executablePath === undefined)
    throw new Error("no chromium on the PATH: npm run test:browser says how to get one");
  const profile = await mkdtemp(join(tmpdir(), "herd-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    args: flags,
    ignoreHTTPSErrors: true,
    viewport: { width, height },
    colorScheme: dark ? "dark" : "light",
    reducedMotion: "reduce",
    timezoneId: "Europe/Berlin",
    locale: "en-GB",
  });
  const faults: string[] = [];
  test.after(async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  });
  const reportViolations = `addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
    console.error("policy: " + violatedDirective + " " + blockedURI));`;
  await context.addInitScript({ content: reportViolations });
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(20_000);
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !allowed.test(message.text())) faults.push(`console: ${message.text()}`);
  });
  await page.goto(url);
  return { page, context, faults };
}

/** Opens a node's console signed in with a token, at a view. */
export async function openSignedIn(
  test: TestContext,
  {
    url,
    token,
    view = "#/",
    ...options
  }: PageOptions & { readonly url: string; readonly token: string; readonly view?: string },
): Promise<TestPage> {
  const opened = await openPage(test, `${url}/${view}`, options);
  await opened.page.getByLabel("Token", { exact: true }).fill(token);
  await opened.page.getByRole("button", { name: "Sign in" }).click();
  await opened.page.getByText("Live", { exact: true }).waitFor();
  return opened;
}

/** Replaces the text in the editor. */
export async function writeSource(page: Page, source: string): Promise<void> {
  const editor = page.locator(".cm-content");
  await editor.click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.press("Delete");
  // As a paste: the editor would indent what is typed.
  await page.keyboard.insertText(source);
}
