// The container engine of this machine, driven through its own command.

import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../../core/package-root.js";
import { CommandError } from "../command-errors.js";

/** The command of the engine; `DOCKER_HOST` and the like are its own. */
const command = "docker";
const answerTimeoutMs = 20_000;
/** Names an image that was built or pulled before, instead of one that is built here from this clone. */
const imageVariable = "HERD_IMAGE";
const networkVariable = "HERD_CONTAINER_NETWORK";
const ownImage = "wasmherd";
const install = "https://docs.docker.com/engine/install/";

/** Throws {@link CommandError} when no engine answers; its message names what to install or to start. */
export async function checkEngine(): Promise<void> {
  const without = "or run without --container, without the outer wall";
  const { code, text } = await runShort(["version", "--format", "{{.Server.Version}}"]);
  if (code === "ENOENT") {
    throw new CommandError(
      `--container needs Docker Engine, and there is no docker command: install it (${install}), ${without}`,
    );
  }
  if (code !== 0)
    throw new CommandError(`--container needs Docker Engine, which does not answer (${text}): start it, ${without}`);
}

/**
 * The image to run: the one that `HERD_IMAGE` names, else an image of this clone, built when something changed. Throws
 * {@link CommandError}; `folder`, the root of an installed package, holds nothing to build from.
 */
export async function nodeImage(
  env: NodeJS.ProcessEnv = process.env,
  folder = fileURLToPath(packageRoot()),
): Promise<string> {
  const given = env[imageVariable];
  if (given) return given;
  const dockerfile = join(folder, "runtime", "container", "Dockerfile");
  if (!existsSync(dockerfile)) {
    throw new CommandError(
      `the package holds no Dockerfile: name an image of the node in ${imageVariable}, or run herd from a ` +
        "clone, which builds one",
    );
  }
  const args = ["build", "--file", dockerfile, "--tag", ownImage, folder];
  // The engine's progress is no data, and goes to stderr.
  const build = spawn(command, args, { stdio: ["ignore", 2, 2], env: { ...env, DOCKER_BUILDKIT: "1" } });
  const code = await ended(build);
  if (code !== 0) throw new CommandError("the image could not be built: the lines above say why");
  return ownImage;
}

/** The engine's network that a node is to be on, when `HERD_CONTAINER_NETWORK` names one. */
export function nodeNetwork(env: NodeJS.ProcessEnv = process.env): string | undefined {
  return env[networkVariable] || undefined;
}

/**
 * Runs a container in the foreground with its output and this process's signals passed on. Resolves to its exit code.
 */
export async function runContainer(args: readonly string[]): Promise<number> {
  const child = spawn(command, ["run", ...args], { stdio: ["ignore", "inherit", "inherit"] });
  // A terminal sends Ctrl-C to the whole process group: the engine's command receives it by itself, and passes it on.
  const interrupt = (): void => void (process.stdin.isTTY || child.kill("SIGINT"));
  const terminate = (): void => void child.kill("SIGTERM");
  process.on("SIGINT", interrupt).on("SIGTERM", terminate);
  try {
    return await ended(child);
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", terminate);
  }
}

function ended(child: ReturnType<typeof spawn>): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}

/** Runs a short command of the engine; the code is `ENOENT` when there is no such command, the text its last line. */
function runShort(args: readonly string[]): Promise<{ readonly code: number | string; readonly text: string }> {
  return new Promise((resolve) => {
    execFile(command, [...args], { timeout: answerTimeoutMs }, (error, stdout, stderr) => {
      const text = (stderr || stdout).trim().split("\n").at(-1) ?? "";
      resolve({
        code: error === null ? 0 : (error.code ?? 1),
        text: text === "" && error !== null ? error.message : text,
      });
    });
  });
}
