// How a node asks a mesh to let it in, the first time and after it slept.

import type { Clock } from "../core/clock.js";
import { type Config, joinsMesh } from "../core/config.js";
import { HerdError } from "../core/errors.js";
import { readTextFile } from "../core/text-file.js";
import { UsageError } from "../core/usage-error.js";
import type { Enroll } from "../pki/identity/enrolling.js";
import type { ReEnroll } from "../pki/identity/re-enrollment.js";
import { joinMesh } from "../pki/join/client.js";
import { decodeJoinToken } from "../pki/join/token-text.js";

/** What asking takes. */
export interface JoiningOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Asks as the configuration says; `undefined` when it says to found a mesh. */
export function enrollBy({ config, clock, signal }: JoiningOptions): Enroll | undefined {
  const { join, token, seeds, advertise, deploy } = config;
  if (!joinsMesh(config)) return undefined;
  const urls = [...(join === undefined ? [] : [join]), ...seeds];
  return (request) => joinMesh(request, { urls, token, advertise, deploy, tell, clock, signal });
}

/**
 * Asks for a known node that was given a join token: by its enrolled key first, since that costs no use of the token,
 * then with the token. `undefined` without one.
 */
export function reEnrollBy({ config, clock, signal }: JoiningOptions): ReEnroll | undefined {
  const { join, token, seeds, advertise, deploy } = config;
  if (token === undefined) return undefined;
  const { makesMaster, urls: told } = decodeJoinToken(token);
  const options = {
    urls: [...(join === undefined ? [] : [join]), ...seeds, ...told],
    advertise,
    deploy,
    tell,
    clock,
    signal,
  };
  return {
    makesMaster,
    enroll: async (request) => {
      try {
        if (!makesMaster) return await joinMesh(request, options);
      } catch (error) {
        if (!(error instanceof HerdError) || error.code !== "join.refused") throw error;
        tell(`${error.message}. Using the join token`);
      }
      return joinMesh(request, { ...options, token });
    },
  };
}

/** The mesh that the configured join token is for, if there is one. Throws {@link UsageError} for a token that is none. */
export function meshOfToken({ token }: Pick<Config, "token">): string | undefined {
  if (token === undefined) return undefined;
  try {
    return decodeJoinToken(token).mesh;
  } catch (error) {
    throw new UsageError(`--token: ${(error as Error).message}`, { cause: error });
  }
}

/** Asks again, with the enrolled key alone; `urls` are the masters' as this node knows them. */
export function rejoinBy({ config, clock, signal }: JoiningOptions, urls: () => readonly string[]): Enroll {
  const { join, seeds, advertise, deploy } = config;
  return (request) => {
    const all = [...urls(), ...(join === undefined ? [] : [join]), ...seeds];
    return joinMesh(request, { urls: all, advertise, deploy, tell, clock, signal });
  };
}

/** The root's passphrase: the file's first line. Throws {@link UsageError}. */
export async function readPassphrase(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const text = await readTextFile(path);
  const [line = ""] = text.split(/\r?\n/, 1);
  if (line === "") throw new UsageError(`${path} is empty: its first line is the root's passphrase`);
  return line;
}

/** A person waits at the terminal, and there is no log yet. */
export function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}
