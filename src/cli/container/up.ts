// `herd up --container`: runs the node in a container of this machine's engine, with the same options.

import { chown, lstat, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Config, loadConfig } from "../../core/config.js";
import { UsageError } from "../../core/usage-error.js";
import { checkPort } from "../../server/door/port-probe.js";
import { CommandError } from "../command-errors.js";
import { printNotice } from "../print.js";
import { recycledCode, type UpOptions, upFlags } from "../up.js";
import { containerArguments, imageUser, isMountable, type Owner } from "./arguments.js";
import { checkEngine, nodeImage, nodeNetwork, runContainer } from "./engine.js";

/** Exit code 128 + SIGKILL: a person, the health check, or the kernel's OOM killer ended the container. */
const killedCode = 137;
/** Exit code of `docker run` when the engine itself failed; the codes of the container are others. */
const engineFailed = 125;
/** Pause before another container takes the place of an ended one, in ms. */
const restartDelayMs = 1_000;

/**
 * Runs the node in one container after the other, until a signal, or until one ends by itself. Throws as {@link
 * loadConfig}.
 */
export async function upInContainer(options: UpOptions): Promise<void> {
  const signalled = new AbortController();
  const abort = (): void => signalled.abort();
  process.on("SIGTERM", abort).on("SIGINT", abort);
  if (process.platform === "win32") {
    throw new UsageError(
      "--container needs paths that a Linux container can have too: run herd in WSL, or without --container",
    );
  }
  const flags = await upFlags(options);
  const config = await loadConfig({ flags, env: process.env });
  const file = options.config === undefined ? [] : [resolve(String(options.config))];
  const reads = [...file, ...[config.functions, config.rootPassphraseFile].filter((path) => path !== undefined)];
  checkReach(config, [config.state, ...reads]);
  await checkEngine();
  const image = await nodeImage();
  const user = await prepareState(config);
  const port = await checkPort(config.host, config.port);
  const peerPort = await checkPort(config.host, config.peerPort, "--peer-port");
  const secret = config.token === undefined ? undefined : join(config.state, "join-token");
  const run = containerArguments({
    image,
    user,
    network: nodeNetwork(),
    config: { ...config, port, peerPort },
    reads,
    command: nodeArguments({ ...options, port, peerPort }, { config, secret, file }),
  });
  try {
    // A signal may arrive during the build of the image, and between two containers.
    while (!signalled.signal.aborted) {
      if (secret !== undefined) await keepSecret(secret, { text: config.token ?? "", user });
      const code = await runContainer(run);
      if (code === engineFailed) throw new CommandError("the container could not be started: the line above says why");
      if (signalled.signal.aborted || (code !== recycledCode && code !== killedCode)) {
        process.exitCode = code;
        return;
      }
      printNotice(`the node ended with ${code}: another container takes its place`);
      await sleep(restartDelayMs, undefined, { signal: signalled.signal }).catch(() => undefined);
    }
  } finally {
    if (secret !== undefined) await rm(secret, { force: true });
  }
}

/** Options of the node: it binds every address of its container, and the engine publishes the ports at `--host`. */
function nodeArguments(
  options: UpOptions,
  { config, secret, file }: { config: Config; secret: string | undefined; file: readonly string[] },
): string[] {
  const { name, join: url, json, deploy, ephemeral, workers, domain = [], port, peerPort } = options;
  const { advertise, state, functions, rootPassphraseFile } = config;
  const given: Readonly<Record<string, unknown>> = {
    name,
    join: url,
    workers,
    functions,
    state,
    advertise,
    port,
    host: "0.0.0.0",
    "peer-port": peerPort,
    "root-passphrase-file": rootPassphraseFile,
    config: file[0],
    token: secret && `@${secret}`,
  };
  return [
    ...Object.entries(given).flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag}`, String(value)])),
    ...domain.flatMap((each) => ["--domain", each]),
    ...(json === true ? ["--json"] : []),
    ...(deploy === false ? ["--no-deploy"] : []),
    ...(ephemeral === true ? ["--ephemeral"] : []),
  ];
}

/** Throws {@link UsageError} for a mesh on localhost, and for paths that the engine cannot mount. */
function checkReach({ join: url }: Config, paths: readonly string[]): void {
  const host = url === undefined ? undefined : new URL(url).hostname.replace(/^\[|\]$/g, "");
  if (host !== undefined && (host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127.")))) {
    throw new UsageError(`--join ${url}: in a container, localhost is the container itself; name the other machine`);
  }
  for (const path of paths) {
    if (!isMountable(path)) {
      throw new UsageError(`${path} cannot be mounted in a container: its name has a comma, a quote or a line break`);
    }
  }
}

/** Makes the state directory for the user of the node: this user, or the user of the image when this one is root. */
async function prepareState({ state }: Config): Promise<Owner | undefined> {
  await mkdir(state, { recursive: true, mode: 0o700 });
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  if (uid === undefined || gid === undefined) return undefined;
  if (uid !== 0) return { uid, gid };
  for (const entry of ["", ...(await readdir(state, { recursive: true }))]) {
    const path = join(state, entry);
    // A symbolic link may name a file that is not the node's.
    if (!(await lstat(path)).isSymbolicLink()) await chown(path, imageUser.uid, imageUser.gid);
  }
  return imageUser;
}

/** Writes a secret as a file for the node alone: every client of the engine can read arguments and environment. */
async function keepSecret(path: string, { text, user }: { text: string; user: Owner | undefined }): Promise<void> {
  await rm(path, { force: true });
  await writeFile(path, text, { mode: 0o600, flag: "wx" });
  if (user !== undefined) await chown(path, user.uid, user.gid);
}
