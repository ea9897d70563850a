// A real browser for tests of the page: Debian's chromium, driven by playwright, with a profile of its own.

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";
import { type BrowserContext, chromium, type Page } from "playwright-core";

const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A page, and what it did that it must not: errors, and what the policy of the page stopped. */
export interface TestPage {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly faults: string[];
}

/** The path of a browser: `HERD_BROWSER`, else the first on the PATH. Throws an error that says how to get one. */
export function browserPath(): string {
  const said = process.env.HERD_BROWSER;
  if (said !== undefined) return said;
  const folders = (process.env.PATH ?? "").split(delimiter);
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
  if (found === undefined) {
    throw new Error("no chromium on the PATH: apt-get install chromium, or name one in HERD_BROWSER");
  }
  return found;
}

/** Opens an address in a new browser, which ends with the test. Whatever the page reports as an error fails the test at its end. */
export async function openPage(
  test: TestContext,
  url: string,
  {
    width = 1280,
    height = 860,
    dark = false,
    allowed = /$^/,
  }: {
    readonly width?: number;
    readonly height?: number;
    readonly dark?: boolean;
    /** Errors that the test brings about. */
    readonly allowed?: RegExp;
  } = {},
): Promise<TestPage> {
  const profile = await mkdtemp(join(tmpdir(), "herd-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: browserPath(),
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
  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
      console.error(`policy: ${violatedDirective} ${blockedURI}`);
    });
  });
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(20_000);
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !allowed.test(message.text())) faults.push(`console: ${message.text()}`);
  });
  await page.goto(url);
  return { page, context, faults };
}
