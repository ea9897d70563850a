// What a node leaves in its state folder for the command line on the same machine: where it is, and what opens it.

import { readFile } from "node:fs/promises";
import { isAbsolute, join, relative, resolve } from "node:path";
import { HerdError } from "../core/errors.js";
import { tryParseJson } from "../core/json.js";
import { writeFileAtomic } from "./atomic-file.js";

/** How to reach the node of a state folder. `ca` is the absolute path of its root certificate. */
export interface ClientState {
  readonly url: string;
  readonly ca: string;
  /** An admin token; absent when this node may not make one. */
  readonly token?: string;
  /** What shows that its reader owns the machine: good for the policy of this node while it runs. */
  readonly ownerSecret?: string;
  /**
   * Where this machine dials the node when it cannot resolve the URL's host, which others use: a host that the node
   * binds.
   */
  readonly dial?: string;
}

const fileName = "client.json";

/** Where the client state of a state folder is. */
export function clientStatePath(directory: string): string {
  return join(directory, fileName);
}

/** The client state in `directory`, `undefined` when no node ran there. Throws `internal` when the file is damaged. */
export async function readClientState(directory: string): Promise<ClientState | undefined> {
  const path = clientStatePath(directory);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new HerdError("internal", `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  const state = parse(text);
  if (state === undefined) throw new HerdError("internal", `${path} is damaged: a restart of the node writes it anew`);
  return { ...state, ca: resolve(directory, state.ca) };
}

/** Replaces the client state of `directory`, readable by the owner only. */
export async function writeClientState(directory: string, state: ClientState): Promise<void> {
  const inside = relative(resolve(directory), resolve(state.ca));
  // A path inside the folder is kept relative, so that the folder can be moved or mounted elsewhere.
  const ca = inside.startsWith("..") || isAbsolute(inside) ? resolve(state.ca) : inside;
  await writeFileAtomic(clientStatePath(directory), `${JSON.stringify({ ...state, ca }, undefined, 2)}\n`);
}

function parse(text: string): ClientState | undefined {
  const value = tryParseJson(text);
  if (typeof value !== "object" || value === null) return undefined;
  const { url, ca, token, ownerSecret, dial } = value as Record<string, unknown>;
  if (typeof url !== "string" || typeof ca !== "string" || !isText(token) || !isText(ownerSecret) || !isText(dial))
    return undefined;
  return {
    url,
    ca,
    ...(token === undefined ? {} : { token }),
    ...(ownerSecret === undefined ? {} : { ownerSecret }),
    ...(dial === undefined ? {} : { dial }),
  };
}

function isText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === "string";
}
