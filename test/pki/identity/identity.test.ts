// A node's identity: founded once, kept over restarts and kill -9, held by one process, and never lost in silence.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../../src/core/clock.js";
import { UsageError } from "../../../src/core/usage-error.js";
import { Identity, type IdentityOptions } from "../../../src/pki/identity/identity.js";
import { coded } from "../../core/coded.js";
import { ManualClock } from "../../harness/virtual/manual-clock.js";
import { handshake } from "../x509/tls-pair.js";

const program = fileURLToPath(new URL("./open-identity.js", import.meta.url));
const day = 86_400_000;

const open = (state: string, options: Partial<IdentityOptions> = {}) =>
  Identity.open({
    state,
    ephemeral: false,
    name: "n1",
    domains: [],
    advertise: "localhost",
    clock: systemClock,
    ...options,
  });

async function inFolder(run: (state: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "herd-identity-"));
  try {
    await run(join(folder, "state"));
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

test("a restart keeps the mesh, the node, its leaf and its tokens", async () => {
  await inFolder(async (state) => {
    const first = await open(state);
    assert.equal(first.founded, true);
    assert.equal(await readFile(first.caPath, "utf8"), first.rootCertificate);
    const { token } = await first.tokens.issue({ role: "admin", ttlSeconds: 60 });
    assert.equal(await handshake(first.publicLeaf(), { ca: first.rootCertificate, host: "localhost" }), "TLSv1.3");
    first.close();
    const second = await open(state, { name: "renamed" });
    assert.deepEqual(
      [second.founded, second.meshId, second.nodeId, second.nodeName],
      [false, first.meshId, first.nodeId, "n1"],
    );
    assert.deepEqual(second.publicLeaf(), first.publicLeaf());
    assert.equal((await second.tokens.verify(token)).role, "admin");
    second.close();
  });
});

test("the leaf is replaced when it lacks a host or grows old, and a renewed one is kept", async () => {
  await inFolder(async (state) => {
    const clock = new ManualClock(Date.now());
    const first = await open(state, { clock });
    const leaf = first.publicLeaf();
    const renewed = await first.renewPublicLeaf();
    assert.notEqual(renewed.certificate, leaf.certificate);
    assert.equal(first.publicLeaf(), renewed);
    first.close();
    const moved = await open(state, { clock, advertise: "10.0.0.7" });
    assert.ok(moved.publicLeaf().hosts.includes("10.0.0.7"), `${moved.publicLeaf().hosts}`);
    moved.close();
    clock.advance(21 * day);
    const later = await open(state, { clock });
    assert.notEqual(later.publicLeaf().certificate, moved.publicLeaf().certificate);
    assert.ok(
      later.publicLeaf().notAfter > clock.now() + 29 * day,
      `${later.publicLeaf().notAfter}, ${clock.now() + 29 * day}`,
    );
    later.close();
  });
});

test("an ephemeral node leaves its root certificate and nothing else", async () => {
  await inFolder(async (state) => {
    const identity = await open(state, { ephemeral: true });
    const files = await identity.files("catalog");
    await files.write("index", "x");
    await identity.tokens.issue({ role: "admin", ttlSeconds: 60 });
    await assert.rejects(open(state, { ephemeral: true }), coded("internal", "in use by process"));
    identity.close();
    assert.deepEqual(await readdir(state), ["ca.pem"]);
  });
});

test("keys are the owner's alone, and are sealed", { skip: process.platform === "win32" }, async () => {
  await inFolder(async (state) => {
    (await open(state)).close();
    assert.equal((await stat(state)).mode & 0o777, 0o700);
    assert.equal((await stat(join(state, "state.key"))).mode & 0o777, 0o600);
    for (const name of await readdir(join(state, "identity"))) {
      const path = join(state, "identity", name);
      assert.equal((await stat(path)).mode & 0o777, 0o600);
      assert.equal((await readFile(path)).subarray(0, 5).toString(), "herd1");
    }
  });
});

test("what is missing or damaged is an error that names the file, and is not made anew", async () => {
  await inFolder(async (state) => {
    (await open(state)).close();
    const paths = (await readdir(join(state, "identity"))).map((name) => join("identity", name));
    for (const path of [...paths, "state.key"]) {
      const content = await readFile(join(state, path));
      await writeFile(join(state, path), content.subarray(0, -1));
      await assert.rejects(open(state), coded("internal", `${path} is damaged`), path);
      await rename(join(state, path), join(state, "moved"));
      // Leaves alone can be made again.
      if (path.endsWith("-leaf.sealed")) (await open(state)).close();
      else await assert.rejects(open(state), coded("internal", `${path} is missing`), path);
      await writeFile(join(state, path), content);
    }
    await writeFile(join(state, "ca.pem"), "nonsense");
    const identity = await open(state);
    assert.equal(await readFile(identity.caPath, "utf8"), identity.rootCertificate);
    identity.close();
  });
});

test("a host that the root may not name is refused before anything is founded", async () => {
  await inFolder(async (state) => {
    const advertise = "edge.example.org";
    await assert.rejects(open(state, { advertise }), UsageError);
    const identity = await open(state, { advertise, domains: ["example.org"] });
    assert.equal(identity.founded, true);
    assert.ok(identity.publicLeaf().hosts.includes(advertise), `${identity.publicLeaf().hosts}`);
    identity.close();
    await assert.rejects(open(state, { domains: ["example.com"] }), /founded without --domain example\.com/);
    (await open(state, { domains: ["sub.example.org"] })).close();
  });
});

test("one process holds a state; its death frees it, whatever the lock file says", async () => {
  await inFolder(async (state) => {
    const child = start(state);
    const meshId = await child.line(1);
    await assert.rejects(open(state), coded("internal", `in use by process ${child.process.pid} on`));
    await child.kill();
    const identity = await open(state);
    assert.equal(identity.meshId, meshId);
    identity.close();
    const lock = join(state, "lock");
    const stale = { pid: process.pid, host: hostname(), start: "another start", nonce: "0" };
    const others = [JSON.stringify(stale), JSON.stringify({ ...stale, host: "elsewhere" }), "", "{", "null"];
    for (const content of process.platform === "linux" ? others : others.slice(1)) {
      await writeFile(lock, content);
      await utimes(lock, new Date(0), new Date(0));
      (await open(state)).close();
    }
    await writeFile(lock, JSON.stringify({ ...stale, host: "elsewhere" }));
    await assert.rejects(open(state), coded("internal", `in use by process ${process.pid} on elsewhere`));
  });
});

test("of processes that start together on a stale lock, one gets the state", async () => {
  await inFolder(async (state) => {
    (await open(state)).close();
    const dead = { pid: 2 ** 22 + 1, host: hostname(), start: "", nonce: "0" };
    await writeFile(join(state, "lock"), JSON.stringify(dead));
    const children = [start(state), start(state), start(state)];
    const answers = await Promise.all(children.map((child) => child.line(1)));
    assert.equal(answers.filter((answer) => /^[0-9a-f]{32}$/.test(answer)).length, 1, answers.join("; "));
    await Promise.all(children.map((child) => child.kill()));
  });
});

test("kill -9 while a mesh is founded leaves none or a whole one", { timeout: 500_000 }, async () => {
  let whole = 0;
  for (let round = 0; round < 6; round++) {
    await inFolder(async (state) => {
      const child = start(state);
      await child.line(0);
      // Founding takes as long as an RSA key: the file system says how far it is.
      if (round % 3 !== 0)
        await appears(join(state, "identity", round % 3 === 1 ? "root-key.sealed" : "identity.sealed"));
      else await sleep(Math.random() * 200);
      await child.kill();
      const identity = await open(state);
      const reopened = { meshId: identity.meshId, founded: identity.founded };
      if (!reopened.founded) whole++;
      assert.equal(
        await handshake(identity.publicLeaf(), { ca: identity.rootCertificate, host: "localhost" }),
        "TLSv1.3",
      );
      identity.close();
      const again = await open(state);
      assert.deepEqual([again.meshId, again.founded], [reopened.meshId, false]);
      again.close();
    });
  }
  assert.ok(whole >= 2, `${whole} foundings were far enough`);
});

interface Child {
  readonly process: ChildProcess;
  /** The child's nth line, once it is there. */
  line(index: number): Promise<string>;
  kill(): Promise<void>;
}

function start(state: string): Child {
  const child = spawn(process.execPath, [program, state], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  return {
    process: child,
    async line(index) {
      for (;;) {
        const lines = output.split("\n");
        if (lines.length > index + 1) return lines[index] ?? "";
        await sleep(5);
      }
    },
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function appears(path: string): Promise<void> {
  while (!(await stat(path).catch(() => undefined))) await sleep(1);
}
