// `herd up --container`: what the engine is told, and what is said when there is none. With a real engine: test/docker.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { containerArguments, memoryLimitBytes } from "../../src/cli/container/arguments.js";
import { nodeImage } from "../../src/cli/container/engine.js";
import { loadConfig } from "../../src/core/config.js";
import { packageRoot } from "../../src/core/package-root.js";
import { herdCommand } from "../../src/testing/herd-command.js";

const skip = process.platform === "win32" && "its paths mean nothing in a Linux container";

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "herd-container-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Runs `herd up --container`; the environment is this one's with a change. */
function upInContainer(
  flags: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ readonly code: number; readonly stderr: string }> {
  const args = [herdCommand, "up", "--container", ...flags];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env: { ...process.env, HERD_STATE: "", ...env } }, (error, _stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stderr });
    });
  });
}

/** An engine that keeps what it is told, one argument a line, and ends as `run` says. */
async function fakeEngine(t: TestContext, run: string): Promise<{ readonly path: string; told(): Promise<string[]> }> {
  const bin = await folder(t);
  const file = join(bin, "told");
  const script = `#!/bin/sh\ncase "$1" in run) printf '%s\\n' "$@" >> ${file}; ${run};; esac\n`;
  await writeFile(join(bin, "docker"), script);
  await chmod(join(bin, "docker"), 0o755);
  const told = async (): Promise<string[]> => (await readFile(file, "utf8")).trim().split("\n");
  return { path: [bin, process.env.PATH].join(delimiter), told };
}

test("the compose files give a container what its node needs at most", async () => {
  const folder = fileURLToPath(new URL("runtime/container/", packageRoot()));
  const config = await loadConfig({ cwd: folder, flags: { config: join(folder, "node.json"), workers: 2 } });
  for (const file of ["compose.yaml", "compose.mesh.yaml"]) {
    const text = await readFile(join(folder, file), "utf8");
    const limits = [...text.matchAll(/^ *mem(?:swap)?_limit: (\d+)m$/gm)].map(([, mebibytes]) => Number(mebibytes));
    assert.equal(limits.length, 2, file);
    const needed = memoryLimitBytes(config) / 1024 ** 2;
    for (const limit of limits)
      assert.ok(limit >= needed && limit < needed + 16, `${file}: ${limit}, needed ${needed}`);
  }
});

test("the container gets every wall, and the engine publishes the ports that the node would have bound", async () => {
  const config = await loadConfig({ cwd: "/w", flags: { host: "0.0.0.0", advertise: "north.internal", port: 1_234 } });
  const user = { uid: 7, gid: 8 };
  const args = containerArguments({ image: "image", config, reads: ["/w/functions"], command: ["--ephemeral"], user });
  const has = (...wanted: string[]): boolean =>
    args.some((_, at) => wanted.every((each, index) => args[at + index] === each));
  for (const flag of [
    ["--rm", "--init", "--hostname", hostname()],
    ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", "7:8"],
    ["--publish", "0.0.0.0:1234:1234", "--publish", "0.0.0.0:1235:1235"],
    ["--mount", "type=bind,src=/w/.herd,dst=/w/.herd"],
    ["--mount", "type=bind,src=/w/functions,dst=/w/functions,readonly"],
    ["--memory", String(memoryLimitBytes(config))],
  ])
    assert.ok(has(...flag), flag.join(" "));
  assert.deepEqual(args.slice(-2), ["image", "--ephemeral"]);
  assert.ok(!args.some((arg) => /seccomp|privileged/.test(arg) && arg !== "no-new-privileges"), JSON.stringify(args));
});

test("localhost is published on this machine only, and never as root", async () => {
  const config = await loadConfig({ cwd: "/w" });
  const args = containerArguments({ image: "image", config, reads: [], command: [], user: undefined });
  assert.ok(args.includes("127.0.0.1:8443:8443") && args.includes("10001:10001"), args.join(" "));
});

test("an installed package holds no Dockerfile: the error names the variable for an image", async (t) => {
  await assert.rejects(nodeImage({}, await folder(t)), /^CommandError: .*HERD_IMAGE.*clone/);
  assert.equal(await nodeImage({ HERD_IMAGE: "mine" }, await folder(t)), "mine");
});

test("without an engine the error names what to install, with a stopped one what to start", { skip }, async (t) => {
  const state = await folder(t);
  const none = await upInContainer(["--state", state], { PATH: state });
  assert.equal(none.code, 1);
  assert.match(none.stderr, /no docker command: install it \(https:\/\/docs\.docker\.com\/engine\/install\/\)/);
  const bin = await folder(t);
  await writeFile(join(bin, "docker"), "#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n");
  await chmod(join(bin, "docker"), 0o755);
  const path = [bin, process.env.PATH].join(delimiter);
  const asleep = await upInContainer(["--state", state], { PATH: path });
  assert.equal(asleep.code, 1);
  assert.match(asleep.stderr, /does not answer \(Cannot connect to the Docker daemon\): start it/);
});

test("the node in the container gets the same options, and a token as a file that is removed afterwards", {
  skip,
}, async (t) => {
  const state = await folder(t);
  const token = "herd-join.secret";
  const check = `test "$(cat ${join(state, "join-token")})" = ${token} || exit 9; exit 3`;
  const engine = await fakeEngine(t, check);
  const flags = ["--name", "east", "--domain", "a.example", "--domain", "b.example", "--no-deploy", "--workers", "3"];
  const given = join(state, "given");
  await writeFile(given, `${token}\n`);
  const joining = ["--join", "https://north.internal:8443", "--token", `@${given}`];
  const { code } = await upInContainer(["--json", "--state", state, "--port", "0", ...flags, ...joining], {
    PATH: engine.path,
    HERD_IMAGE: "mine",
  });
  assert.equal(code, 3);
  const told = await engine.told();
  const command = told.slice(told.indexOf("mine") + 1).join(" ");
  for (const flag of [
    "--name east",
    "--join https://north.internal:8443",
    "--workers 3",
    `--state ${state}`,
    "--advertise localhost",
    "--host 0.0.0.0",
    `--token @${join(state, "join-token")}`,
    "--domain a.example --domain b.example",
    "--json",
    "--no-deploy",
  ])
    assert.ok(command.includes(flag), `${flag} in ${command}`);
  assert.ok(!told.some((line) => line.includes(token)), JSON.stringify(told));
  await assert.rejects(stat(join(state, "join-token")), { code: "ENOENT" });
});

test("a node that was recycled or killed is replaced, one that ended in order is not", { skip }, async (t) => {
  const state = await folder(t);
  const runs = join(state, "runs");
  const script = `echo run >> ${runs}; case $(wc -l < ${runs}) in *1) exit 75;; *2) exit 137;; *) exit 0;; esac`;
  const engine = await fakeEngine(t, script);
  const { code } = await upInContainer(["--state", state, "--port", "0"], { PATH: engine.path, HERD_IMAGE: "mine" });
  assert.equal(code, 0);
  assert.equal((await readFile(runs, "utf8")).trim().split("\n").length, 3);
});

test("a signal between two containers ends the command", { skip }, async (t) => {
  const state = await folder(t);
  const runs = join(state, "runs");
  const engine = await fakeEngine(t, `echo run >> ${runs}; exit 75`);
  const env = { ...process.env, PATH: engine.path, HERD_IMAGE: "mine", HERD_STATE: "" };
  const args = [herdCommand, "up", "--container", "--state", state, "--port", "0"];
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(child, "exit");
  for await (const chunk of child.stderr) if (/takes its place/.test(String(chunk))) child.kill("SIGTERM");
  assert.deepEqual(await ended, [0, null]);
  assert.equal(await readFile(runs, "utf8"), "run\n");
});

test("options that cannot work inside a container are refused before anything starts", { skip }, async (t) => {
  const state = await folder(t);
  const refused = async (flags: readonly string[], message: RegExp): Promise<void> => {
    const { code, stderr } = await upInContainer(["--state", state, ...flags]);
    assert.equal(code, 2);
    assert.match(stderr, message);
  };
  for (const url of ["https://localhost:8443", "https://127.0.0.1:8443", "https://[::1]:8443"])
    await refused(["--join", url, "--token", "t"], /localhost is the container itself/);
  await refused(["--functions", "/a,b"], /cannot be mounted/);
  const settings = join(state, "a,b.json");
  await writeFile(settings, "{}");
  await refused(["--config", settings], /cannot be mounted/);
});
