// The docker command of the test bed: scripts/docker-bed.mjs says which, and DOCKER_HOST which engine it speaks to.

import { spawn } from "node:child_process";
import { once } from "node:events";

/**
 * Runs `docker` with these arguments. Resolves to its standard output, with `both` to standard output and error;
 * rejects with the text of the error.
 */
export async function docker(args: readonly string[], { both = false } = {}): Promise<string> {
  const child = spawn(process.env.HERD_DOCKER ?? "docker", [...args], { stdio: ["ignore", "pipe", "pipe"] });
  const [output, errors] = [child.stdout, child.stderr].map(async (stream) => {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString("utf8");
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`docker ${args.join(" ")} ended with ${code}: ${(await errors)?.trim()}`);
  return `${await output}${both ? await errors : ""}`;
}

/** The JSON that `docker inspect` has of one container or image. */
export async function inspect<Shape>(name: string): Promise<Shape> {
  const [found] = JSON.parse(await docker(["inspect", name])) as Shape[];
  if (found === undefined) throw new Error(`docker inspect knows no ${name}`);
  return found;
}
