// The test bed of `npm run test:docker`: an engine of its own, a base image without a registry, and the image under
// test.
//
// The engine shares nothing with another engine on the machine: it has a socket and data of its own, no default bridge,
// no packet filter rules and no forwarding. Containers meet on bridges that the tests make; the build reaches the
// registry over the machine's network.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { npmSettings } from "./npm-settings.mjs";

// Debian's own, whatever else is first in the PATH.
const docker = "/usr/bin/docker";
const dockerd = "/usr/sbin/dockerd";
const debootstrap = "/usr/sbin/debootstrap";
const release = "trixie";
const startLimitMs = 30_000;
/** What an image of Debian does without, as the official ones do. */
const waste = ["var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man"];

/**
 * Why this machine cannot have a test bed, in one line, or undefined. Installs `docker.io` and `debootstrap` when they
 * are absent.
 */
export function whyNoBed() {
  if (process.platform !== "linux") return "it needs Linux";
  if (process.getuid() !== 0) return "it needs root";
  const needed = { "docker.io": dockerd, debootstrap };
  const absent = Object.keys(needed).filter((name) => !existsSync(needed[name]));
  if (absent.length === 0) return undefined;
  console.error(`Installing ${absent.join(" and ")} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args) => spawnSync("apt-get", ["--quiet", ...args], { stdio: ["ignore", 2, 2], env }).status;
  apt("update");
  const installed = apt("install", "--yes", "--no-install-recommends", ...absent) === 0;
  return installed ? undefined : `Debian's ${absent.join(" and ")} cannot be installed here`;
}

/** A running engine with the image `wasmherd` in it. */
export class DockerBed {
  #folder = mkdtempSync(join(tmpdir(), "herd-docker-"));
  #engine;

  /** Starts the engine and builds the image of the tree in `root`; throws with everything stopped again. */
  static async start(root) {
    const bed = new DockerBed();
    try {
      await bed.#startEngine();
      bed.#makeBases();
      bed.#buildImage(root);
      return bed;
    } catch (error) {
      await bed.stop();
      throw error;
    }
  }

  /** Environment for tests: the client, and where the engine listens. */
  get env() {
    return { HERD_DOCKER: docker, DOCKER_HOST: `unix://${this.#at("docker.sock")}` };
  }

  /** Ends the engine, by its id, and removes what it had. */
  async stop() {
    const engine = this.#engine;
    if (engine?.exitCode === null && engine.signalCode === null) {
      const ended = new Promise((resolve) => engine.once("exit", resolve));
      engine.kill("SIGTERM");
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #at(name) {
    return join(this.#folder, name);
  }

  #docker(...args) {
    const env = { ...process.env, ...this.env, DOCKER_BUILDKIT: "1" };
    execFileSync(docker, args, { stdio: ["ignore", "ignore", 2], env });
  }

  async #startEngine() {
    // Settings of the machine's own engine do not count here.
    writeFileSync(this.#at("daemon.json"), "{}");
    const log = openSync(this.#at("dockerd.log"), "a");
    const places = ["--config-file=daemon.json", "--data-root=data", "--exec-root=exec", "--pidfile=docker.pid"];
    const network = ["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"];
    const args = [...places.map((place) => place.replace("=", `=${this.#folder}/`)), ...network];
    this.#engine = spawn(dockerd, [...args, `--host=${this.env.DOCKER_HOST}`], { stdio: ["ignore", log, log] });
    const env = { ...process.env, ...this.env };
    for (
      const began = Date.now();
      Date.now() - began < startLimitMs && this.#engine.exitCode === null;
      await sleep(100)
    )
      if (spawnSync(docker, ["version"], { stdio: "ignore", env }).status === 0) return;
    const said = readFileSync(this.#at("dockerd.log"), "utf8").trim().split("\n").slice(-3).join("\n");
    throw new Error(`dockerd did not start: ${said}`);
  }

  /** `herd-base`: Debian with a Node where official images have it. `herd-build-base`: the same with npm. */
  #makeBases() {
    console.error(`Making a base image of Debian ${release} and Node …`);
    const base = this.#at("base");
    const options = ["--variant=minbase", "--include=libstdc++6", release, base];
    execFileSync(debootstrap, options, { stdio: ["ignore", "ignore", 2] });
    for (const path of waste) rmSync(join(base, path), { recursive: true, force: true });
    copyFileSync(process.env.HERD_TEST_NODE ?? process.execPath, join(base, "usr/local/bin/node"));
    execFileSync("tar", ["--directory", base, "--create", "--file", this.#at("base.tar"), "."]);
    const path = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    this.#docker("import", "--change", path, this.#at("base.tar"), "herd-base");

    const local = this.#at("npm/usr/local");
    const cli = process.env.npm_execpath;
    if (cli === undefined) throw new Error("run this through npm: the image's build gets the npm that runs here");
    mkdirSync(join(local, "bin"), { recursive: true });
    cpSync(dirname(dirname(cli)), join(local, "lib/node_modules/npm"), { recursive: true });
    symlinkSync("../lib/node_modules/npm/bin/npm-cli.js", join(local, "bin/npm"));
    writeFileSync(this.#at("npm/Dockerfile"), "FROM herd-base\nCOPY usr /usr\n");
    this.#docker("build", "--quiet", "--tag", "herd-build-base", this.#at("npm"));
  }

  /** Builds from a clean checkout: what git has or would add, so that nothing of this clone but its sources counts. */
  #buildImage(root) {
    console.error("Building the image …");
    const context = this.#at("context");
    const listed = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    for (const path of execFileSync("git", listed, { cwd: root, encoding: "utf8" }).split("\0").filter(Boolean)) {
      if (!existsSync(join(root, path))) continue;
      mkdirSync(join(context, dirname(path)), { recursive: true });
      copyFileSync(join(root, path), join(context, path));
    }
    const settings = this.#at("npmrc");
    writeFileSync(settings, npmSettings(), { mode: 0o600 });
    const bases = ["--build-arg", "BASE=herd-base", "--build-arg", "BUILD_BASE=herd-build-base"];
    const reach = ["--network", "host", "--secret", `id=npmrc,src=${settings}`];
    const file = ["--file", join(context, "runtime/container/Dockerfile")];
    this.#docker("build", "--quiet", ...bases, ...reach, ...file, "--tag", "wasmherd", context);
    rmSync(settings);
  }
}
