// npm's settings for a build in a container: whole in themselves, since what they point to is not there.

import assert from "node:assert/strict";
import { test } from "node:test";
import { packageRoot } from "../../src/core/package-root.js";

interface Reading {
  readonly get: (name: string) => string | undefined;
  readonly read: (path: string) => string;
}

const { npmSettings } = (await import(new URL("scripts/npm-settings.mjs", packageRoot()).href)) as unknown as {
  npmSettings(reading: Reading): string;
};

const pem = (body: string): string => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----`;

test("registry, proxies, trusted certificates and credentials come along; paths of this machine do not", () => {
  const values: Record<string, string> = {
    registry: "https://registry.example/",
    "https-proxy": "http://proxy.example:3128",
    cafile: "/somewhere/ca.pem",
    userconfig: "/home/someone/.npmrc",
  };
  const files: Record<string, string> = {
    "/somewhere/ca.pem": `# two\n${pem("AAA=")}\n${pem("BBB+")}\n`,
    "/home/someone/.npmrc": "cafile=/somewhere/ca.pem\n//registry.example/:_authToken=secret\n",
  };
  const text = npmSettings({ get: (name) => values[name], read: (path) => files[path] ?? "" });
  assert.deepEqual(text.trimEnd().split("\n"), [
    "registry=https://registry.example/",
    "https-proxy=http://proxy.example:3128",
    `ca[]=${JSON.stringify(pem("AAA="))}`,
    `ca[]=${JSON.stringify(pem("BBB+"))}`,
    "//registry.example/:_authToken=secret",
  ]);
});

test("a machine without settings gives none", () => {
  assert.equal(npmSettings({ get: () => undefined, read: () => assert.fail("nothing to read") }), "\n");
});
