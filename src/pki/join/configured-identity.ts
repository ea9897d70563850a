// The identity of a node as its configuration asks for it: a mesh is founded or joined, or a known node re-enrolls.

import { existsSync } from "node:fs";
import { join as joinPath } from "node:path";
import type { Clock } from "../../core/clock.js";
import { type Config, joinsMesh } from "../../core/config.js";
import { readTextFile } from "../../core/text-file.js";
import { UsageError } from "../../core/usage-error.js";
import type { Enroll } from "../identity/enrolling.js";
import { Identity } from "../identity/identity.js";
import type { ReEnroll } from "../identity/re-enrollment.js";
import { JoinRefused } from "../join-refused.js";
import type { LeafKeys } from "../x509/rsa-key.js";
import { type JoinOptions, joinMesh } from "./client.js";
import { decodeJoinToken } from "./token-text.js";

/** What a request to a mesh takes. */
export interface JoinContext extends Pick<JoinOptions, "clock" | "signal" | "report"> {
  readonly config: Config;
}

/** How an identity is opened beside its configuration. */
interface OpeningOptions extends JoinContext {
  readonly clock: Clock;
  /** Receives the step that takes seconds, in words for people. */
  readonly onProgress: (text: string) => void;
  /** Keys that were begun before, for a node that joins. */
  readonly leafKeys: Promise<LeafKeys> | undefined;
}

/**
 * Opens the identity in the state folder, or makes one. Throws `UsageError` for settings that do not fit the folder,
 * and what a join ends with.
 */
export async function openConfiguredIdentity(options: OpeningOptions): Promise<Identity> {
  const { config, clock, report, onProgress, leafKeys } = options;
  const { state, ephemeral, name, domains, advertise, deploy, rootPassphraseFile } = config;
  const wanted = meshOfToken(config);
  if (!existsSync(joinPath(state, "identity"))) onProgress(`Making the node's keys in ${state}, for some seconds …`);
  const identity = await Identity.open({
    state,
    ephemeral,
    name,
    domains,
    advertise,
    deploy,
    clock,
    rootPassphrase: await readPassphrase(rootPassphraseFile),
    enroll: enrollBy(options),
    leafKeys,
    reEnroll: reEnrollBy(options),
    onReEnrollError: (error) => report(`the mesh was not asked with the join token: ${(error as Error).message}`),
  });
  // A node that is started again with the same command line belongs to the mesh that it joined then.
  if (wanted === undefined || wanted === identity.meshId) return identity;
  await identity.close();
  throw new UsageError(
    `${state} belongs to the mesh ${identity.meshId}, and the join token is for the mesh ${wanted}: choose ` +
      "another --state for that one",
  );
}

/** Re-enrolls with the enrolled key alone; `urls` are the masters' as this node knows them. */
export function reEnrollByKey(context: JoinContext, urls: () => readonly string[]): Enroll {
  return (request) => joinMesh(request, { ...joinOptions(context), urls: [...urls(), ...configuredUrls(context)] });
}

/** Joins as the configuration asks; `undefined` when it asks to found a mesh. */
function enrollBy(context: JoinContext): Enroll | undefined {
  const { config } = context;
  if (!joinsMesh(config)) return undefined;
  return (request) => joinMesh(request, { ...joinOptions(context), token: config.token });
}

/**
 * Re-enrolls a known node that was given a join token: by its enrolled key first, since that costs no use of the token,
 * then with the token. `undefined` without a token.
 */
function reEnrollBy(context: JoinContext): ReEnroll | undefined {
  const { token } = context.config;
  if (token === undefined) return undefined;
  const { makesMaster, urls: ofToken } = decodeJoinToken(token);
  const options = { ...joinOptions(context), urls: [...configuredUrls(context), ...ofToken] };
  return {
    makesMaster,
    enroll: async (request) => {
      try {
        if (!makesMaster) return await joinMesh(request, options);
      } catch (error) {
        if (!(error instanceof JoinRefused)) throw error;
        context.report(`${error.message}. Using the join token`);
      }
      return joinMesh(request, { ...options, token });
    },
  };
}

function joinOptions(context: JoinContext): JoinOptions {
  const { config, clock, signal, report } = context;
  const { advertise, deploy } = config;
  return { urls: configuredUrls(context), advertise, deploy, clock, signal, report };
}

function configuredUrls({ config: { join, seeds } }: JoinContext): string[] {
  return [...(join === undefined ? [] : [join]), ...seeds];
}

/**
 * The mesh that the configured join token is for, if there is one. Throws {@link UsageError} for a text that is no
 * token.
 */
function meshOfToken({ token }: Pick<Config, "token">): string | undefined {
  if (token === undefined) return undefined;
  try {
    return decodeJoinToken(token).mesh;
  } catch (error) {
    throw new UsageError(`--token: ${(error as Error).message}`, { cause: error });
  }
}

/** The root's passphrase: the file's first line. Throws {@link UsageError}. */
export async function readPassphrase(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const text = await readTextFile(path);
  const [line = ""] = text.split(/\r?\n/, 1);
  if (line === "") throw new UsageError(`${path} is empty: its first line is the root's passphrase`);
  return line;
}
