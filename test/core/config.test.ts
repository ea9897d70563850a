// File, environment and flags become one configuration; what is wrong in them is named.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { type ConfigSources, defaultNodeName, isWildcard, loadConfig } from "../../src/core/config.js";
import { defaultLimits } from "../../src/core/limits.js";
import { defaultOwnerPolicy } from "../../src/core/owner-policy.js";
import { UsageError } from "../../src/core/usage-error.js";

const cwd = resolve("/somewhere");

async function refused(sources: ConfigSources, message: RegExp): Promise<void> {
  await assert.rejects(loadConfig({ cwd, ...sources }), (error) => {
    assert.ok(error instanceof UsageError, String(error));
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
}

async function file(t: { after(done: () => Promise<void>): void }, content: unknown): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "herd-config-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, "herd.json"), typeof content === "string" ? content : JSON.stringify(content));
  return join(folder, "herd.json");
}

test("nothing given is a node on localhost:8443 with its state in .herd", async () => {
  const config = await loadConfig({ cwd });
  assert.deepEqual(
    { ...config, name: "", workers: 0 },
    {
      name: "",
      nameGiven: false,
      host: "localhost",
      advertise: "localhost",
      port: 8443,
      peerPort: 8444,
      domains: [],
      join: undefined,
      token: undefined,
      seeds: [],
      deploy: true,
      rootPassphraseFile: undefined,
      workers: 0,
      profile: true,
      warmCompiler: true,
      door: undefined,
      localBias: 1.25,
      returnDays: 90,
      functions: undefined,
      ephemeral: false,
      state: join(cwd, ".herd"),
      limits: defaultLimits,
      policy: defaultOwnerPolicy,
      kernel: { proc: "/proc", sys: "/sys" },
      logLevel: "info",
    },
  );
  assert.ok(config.workers >= 2 && config.workers <= 16, `${config.workers}`);
});

test("in a container a node that keeps nothing has another name at each start, unless it is given one", async () => {
  const nameOf = async (flags: object, contained = true): Promise<string> =>
    (await loadConfig({ cwd, flags: { ...flags }, contained })).name;
  const [one, other] = [await nameOf({ ephemeral: true }), await nameOf({ ephemeral: true })];
  assert.match(one, /^[0-9a-f]{12}$/);
  assert.notEqual(one, other);
  assert.equal(await nameOf({ ephemeral: true, name: "given" }), "given");
  for (const [flags, contained] of [
    [{}, true],
    [{ ephemeral: true }, false],
  ] as const)
    assert.equal(await nameOf(flags, contained), defaultNodeName());
});

test("flags win over the environment, which wins over the file, which wins over defaults", async (t) => {
  const path = await file(t, { name: "from-file", port: 1, state: "file-state", limits: { deadlineMs: 7 } });
  const env = { HERD_STATE: "env-state" };
  const given = await loadConfig({ cwd, env, flags: { config: path, name: "from-flag", port: "0", state: undefined } });
  assert.deepEqual(
    [given.name, given.nameGiven, given.port, given.peerPort, given.state],
    ["from-flag", true, 0, 0, join(cwd, "env-state")],
  );
  assert.deepEqual(given.limits, { ...defaultLimits, deadlineMs: 7 });
  const flagged = await loadConfig({ cwd, env, flags: { config: path, state: "flag-state" } });
  assert.equal(flagged.state, join(cwd, "flag-state"));
});

test("paths in a file are beside the file", async (t) => {
  const path = await file(t, { state: "s", functions: "f" });
  const config = await loadConfig({ cwd, flags: { config: path } });
  assert.deepEqual([config.state, config.functions], [join(path, "../s"), join(path, "../f")]);
});

test("joining takes addresses, a token and seeds; a passphrase's file is beside the file that names it", async (t) => {
  const seeds = ["https://a.internal:8443", "https://b.internal:8443"];
  const path = await file(t, { seeds, deploy: false, rootPassphraseFile: "pass" });
  const config = await loadConfig({
    cwd,
    flags: { config: path, join: "https://localhost:9000", token: "herd-join.x" },
  });
  assert.deepEqual(
    [config.join, config.token, config.seeds, config.deploy],
    ["https://localhost:9000", "herd-join.x", seeds, false],
  );
  assert.equal(config.rootPassphraseFile, join(path, "../pass"));
  await refused({ flags: { join: "http://localhost:9000" } }, /join: not an address like https:/);
  await refused({ flags: { config: await file(t, { seeds: ["localhost"] }) } }, /seeds\.0/);
});

test("an empty HERD_STATE counts as none", async () => {
  assert.equal((await loadConfig({ cwd, env: { HERD_STATE: "" } })).state, join(cwd, ".herd"));
});

test("an unknown key fails and is named, wherever it stands", async (t) => {
  await refused(
    { flags: { config: await file(t, { colour: 1, limits: { deadline: 1 } }) } },
    /"colour".*"limits\.deadline"|"limits\.deadline".*"colour"/,
  );
  await refused({ flags: { nmae: "x" } }, /command line: unknown setting "nmae"/);
});

test("a value out of its range or of a wrong type is named with its setting", async (t) => {
  await refused({ flags: { port: "65536" } }, /port/);
  await refused({ flags: { port: "http" } }, /port/);
  await refused({ flags: { workers: 0 } }, /^--workers: /);
  await refused({ flags: { peerPort: "x" } }, /^--peer-port: /);
  await refused({ flags: { join: "localhost:8443" } }, /^--join: not an address like https:/);
  await refused({ flags: { name: "No Spaces" } }, /name: 1 to 63/);
  await refused({ flags: { host: "a b" } }, /host/);
  await refused({ flags: { domains: ["Example.Org"] } }, /^--domain: not a lower-case/);
  await refused({ flags: { config: await file(t, { limits: { memoryBytes: 70_000 } }) } }, /limits\.memoryBytes/);
  await refused({ flags: { config: await file(t, { ephemeral: "yes" }) } }, /ephemeral/);
});

test("a file that is absent or no JSON is named", async (t) => {
  const path = await file(t, "{");
  await refused({ flags: { config: path } }, /herd\.json: .*JSON/);
  await refused({ flags: { config: "absent.json" } }, /absent\.json cannot be read: there is no such file$/);
});

test("a wildcard host needs an address that others can dial", async () => {
  await refused({ flags: { host: "0.0.0.0" } }, /--host 0\.0\.0\.0 is every address: say with --advertise/);
  await refused({ flags: { host: "::" } }, /--advertise/);
  await refused({ flags: { host: "0.0.0.0", advertise: "::0" } }, /--advertise ::0/);
  const config = await loadConfig({ cwd, flags: { host: "0.0.0.0", advertise: "box.local" } });
  assert.equal(config.advertise, "box.local");
  assert.ok(isWildcard("0:0:0:0:0:0:0:0"), "0:0:0:0:0:0:0:0");
  assert.ok(!isWildcard("::1"), "::1");
});

test("a host name becomes a node name", () => {
  for (const [host, name] of [
    ["box", "box"],
    ["Anna's MacBook.local", "anna-s-macbook"],
    ["WORK_STATION-7.example.org", "work-station-7"],
    ["---", "node"],
    ["", "node"],
    [`${"a".repeat(62)}-b`, "a".repeat(62)],
  ] as const) {
    assert.equal(defaultNodeName(host), name);
  }
});

test("a machine whose workers are given is nobody's, unless the policy says whose", async (t) => {
  const owner = async (settings: object): Promise<string> =>
    (await loadConfig({ cwd, flags: { config: await file(t, settings) } })).policy.owner;
  assert.equal(await owner({}), "auto");
  assert.equal(await owner({ workers: 4 }), "none");
  assert.equal(await owner({ workers: 4, policy: { owner: "auto" } }), "auto");
  assert.equal((await loadConfig({ cwd, flags: { workers: "4" } })).policy.owner, "none");
});

test("settings of the policy are read with their defaults, and refused by name", async (t) => {
  const path = await file(t, { policy: { hours: "18:00-08:00", maxCelsius: 70 }, kernel: { sys: "host-sys" } });
  const config = await loadConfig({ cwd, flags: { config: path } });
  assert.deepEqual(config.policy, { ...defaultOwnerPolicy, hours: "18:00-08:00", maxCelsius: 70 });
  assert.deepEqual(config.kernel, { proc: "/proc", sys: join(path, "..", "host-sys") });
  for (const [policy, message] of [
    [{ hours: "18-8" }, /policy\.hours: hours like 18:00-08:00/],
    [{ hours: "08:00-08:00" }, /policy\.hours/],
    [{ activeShare: 2 }, /policy\.activeShare: a number from 0 to 1/],
    [{ battery: true }, /policy\.battery: one of stop, allow/],
    [{ laptop: true }, /unknown setting "policy\.laptop"/],
  ] as const) {
    await refused({ flags: { config: await file(t, { policy }) } }, message);
  }
});
