// What the public HTTPS plane agrees to, suite by suite, and what a grader says of it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type ConnectionOptions, connect, getCiphers, type SecureVersion } from "node:tls";
import { promisify } from "node:util";
import { offeredGroups } from "../../src/core/tls-groups.js";
import { testDoor } from "../harness/tls/test-door.js";
import { TestNode } from "../harness/tls/test-node.js";

const run = promisify(execFile);
const graderMs = 280_000;

let node: TestNode;
let port: number;

before(async () => {
  node = await TestNode.start();
  port = Number(new URL(node.api.url).port);
});

after(() => node.stop());

/** The suite that both sides agree on, or undefined. */
function agreed(options: ConnectionOptions): Promise<{ name: string; version: string } | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, ca: node.root, servername: "localhost", ...options });
    socket.once("secureConnect", () => {
      resolve({ name: socket.getCipher().standardName, version: socket.getProtocol() ?? "" });
      socket.destroy();
    });
    socket.once("error", () => resolve(undefined));
  });
}

/** Offers one suite alone; undefined when this machine's OpenSSL cannot offer it. */
function offer(name: string): ConnectionOptions | undefined {
  const version: SecureVersion = name.startsWith("tls_") ? "TLSv1.3" : "TLSv1.2";
  const suite = name.startsWith("tls_") ? name.toUpperCase() : `${name.toUpperCase()}:@SECLEVEL=0`;
  return { ciphers: suite, minVersion: version, maxVersion: version };
}

test("behind node:https, the node agrees to each of its groups, and to no other one", async (t) => {
  if (testDoor !== "node") {
    t.skip("uWebSockets has groups of its own");
    return;
  }
  t.diagnostic(`groups: ${offeredGroups.join(", ")}`);
  for (const group of offeredGroups) assert.ok(await agreed({ ecdhCurve: group }), group);
  assert.equal(await agreed({ ecdhCurve: "secp521r1" }), undefined);
  const [major = 0, minor = 0] = process.versions.openssl.split(".").map(Number);
  const hasHybrid = major > 3 || (major === 3 && minor >= 5);
  assert.equal(offeredGroups.includes("X25519MLKEM768"), hasHybrid, process.versions.openssl);
});

test("of OpenSSL's suites, the node accepts those with forward secrecy and authenticated encryption", async (t) => {
  const accepted: string[] = [];
  for (const name of getCiphers()) {
    const options = offer(name);
    if (options === undefined) continue;
    try {
      const found = await agreed(options);
      if (found !== undefined) accepted.push(found.name);
    } catch {
      t.diagnostic(`not offered: ${name}`);
    }
  }
  const names = [...new Set(accepted)].sort();
  t.diagnostic(`agreed to: ${names.join(", ")}`);
  for (const name of names)
    assert.match(name, /^TLS_(?:ECDHE_(?:RSA|ECDSA)_WITH_)?(?:AES_(?:128|256)_GCM|CHACHA20_POLY1305)_SHA(?:256|384)$/);
  assert.ok(names.includes("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), `${names}`);
  assert.ok(names.includes("TLS_AES_256_GCM_SHA384"), `${names}`);
});

test("versions before 1.2 are refused, and 1.3 is preferred", async () => {
  for (const version of ["TLSv1", "TLSv1.1"] as const) {
    const options: ConnectionOptions = { minVersion: version, maxVersion: version, ciphers: "ALL:@SECLEVEL=0" };
    assert.equal(await agreed(options), undefined, version);
  }
  assert.equal((await agreed({ maxVersion: "TLSv1.2" }))?.version, "TLSv1.2");
  assert.equal((await agreed({}))?.version, "TLSv1.3");
});

test("a renewed certificate is served under the same suites", async () => {
  await node.renew();
  assert.equal(await agreed({ ciphers: "AES128-SHA:@SECLEVEL=0", maxVersion: "TLSv1.2" }), undefined);
  assert.equal((await agreed({ maxVersion: "TLSv1.2" }))?.name.startsWith("TLS_ECDHE_"), true);
});

test("testssl.sh finds no weak suite or protocol", async (t) => {
  const present = await run("testssl", ["--version"]).then(
    () => true,
    () => false,
  );
  if (!present) {
    t.skip("Debian's package testssl.sh is not installed");
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), "herd-testssl-"));
  const json = join(folder, "out.json");
  const flags = [
    "--quiet",
    "--color",
    "0",
    "--warnings",
    "off",
    "--nodns",
    "none",
    "--ip",
    "127.0.0.1",
    "--jsonfile",
    json,
  ];
  await run("testssl", [...flags, "-p", "-s", "-f", `https://localhost:${port}`], { timeout: graderMs }).catch(
    () => undefined,
  );
  const findings = JSON.parse(await readFile(json, "utf8")) as { id: string; severity: string; finding: string }[];
  await rm(folder, { recursive: true, force: true });
  // The order of suites is left to the client: each of them is good (-P, which wants an order, is not asked).
  const bad = findings.filter(({ severity }) => ["LOW", "MEDIUM", "HIGH", "CRITICAL"].includes(severity));
  t.diagnostic(`${findings.length} findings of testssl.sh, ${bad.length} bad`);
  assert.ok(
    findings.some(({ id }) => id === "FS" || id === "PFS"),
    JSON.stringify(findings),
  );
  assert.deepEqual(bad, []);
});
