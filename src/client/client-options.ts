// The node, token and root certificate of a command: from its options first, then from the state directory.

import { resolve } from "node:path";
import { readTextFile } from "../core/text-file.js";
import { UsageError } from "../core/usage-error.js";
import { type ClientState, readClientState } from "../storage/client-state.js";
import { Client } from "./client.js";

/** Options of every command. */
export interface GlobalOptions {
  readonly url?: string;
  readonly token?: string;
  readonly ca?: string;
  readonly state?: string;
  readonly json?: boolean;
}

/** The state directory: `--state`, else `$HERD_STATE`, else `.herd`. */
export function stateDirectory(options: GlobalOptions): string {
  return resolve(options.state ?? (process.env.HERD_STATE || ".herd"));
}

/**
 * A client for the node that the options or the state directory name. Throws {@link UsageError} when neither names one.
 * With `asOwner`, the secret of the machine's owner replaces a missing token.
 */
export async function connect(options: GlobalOptions, { asOwner = false } = {}): Promise<Client> {
  const directory = stateDirectory(options);
  const state = await readClientState(directory);
  const url = options.url ?? state?.url;
  if (url === undefined) {
    throw new UsageError(`no node is known in ${directory}: start one with herd up, or give --url, --token and --ca`);
  }
  const isOwn = options.url === undefined || sameOrigin(options.url, state?.url);
  const ca = await rootOf(options, state);
  const kept = await keptToken({ options, state, ca, isOwn });
  const token = await tokenText(options.token ?? kept ?? (asOwner && isOwn ? state?.ownerSecret : undefined));
  return new Client({ url: parsed(url), token, ca, ...(isOwn && state?.dial ? { dial: state.dial } : {}) });
}

/**
 * The root certificate to trust, in PEM. Throws {@link UsageError} when neither options nor state directory have it.
 */
export async function trustedRoot(options: GlobalOptions): Promise<string> {
  const root = await rootOf(options, await readClientState(stateDirectory(options)));
  if (root === undefined) throw new UsageError("no root certificate is known here: name the mesh's with --ca");
  return root;
}

/** The root to trust, in PEM. A mesh has one root, so the root of the state directory is valid for other nodes too. */
async function rootOf({ ca }: GlobalOptions, state: ClientState | undefined): Promise<string | undefined> {
  const path = ca ?? state?.ca;
  return path === undefined ? undefined : readTextFile(path);
}

/** The token of the state directory: valid at every node of its mesh, and never sent to a node of another root. */
async function keptToken(from: {
  readonly options: GlobalOptions;
  readonly state: ClientState | undefined;
  readonly ca: string | undefined;
  readonly isOwn: boolean;
}): Promise<string | undefined> {
  const { options, state, ca, isOwn } = from;
  if (state?.token === undefined || isOwn || options.ca === undefined) return state?.token;
  const own = await readTextFile(state.ca).catch(() => undefined);
  return own?.trim() === ca?.trim() ? state.token : undefined;
}

function parsed(url: string): URL {
  const value = URL.canParse(url) ? new URL(url) : undefined;
  if (value?.protocol !== "https:")
    throw new UsageError(`--url takes an address like https://localhost:8443, not ${url}`);
  return value;
}

function sameOrigin(left: string, right: string | undefined): boolean {
  return right !== undefined && URL.canParse(left) && new URL(left).origin === new URL(right).origin;
}

/** The token that `--token` names: itself, or the content of the file for `@FILE`. Throws {@link UsageError}. */
export async function tokenText(token: string | undefined): Promise<string | undefined> {
  return token?.startsWith("@") ? (await readTextFile(token.slice(1))).trim() : token;
}
