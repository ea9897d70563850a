// The client state of a node that serves: what the command line on the same machine finds in the state folder.

import type { Clock } from "../../core/clock.js";
import { clientStatePath, readClientState, writeClientState } from "../../storage/client-state.js";
import { keepAdminToken } from "../tokens/admin-token.js";
import type { Identity } from "./identity.js";

/** Where the node is reached, and the secret of its machine's owner; see `ClientState`. */
interface ClientAccess {
  /** Path of the state folder. */
  readonly state: string;
  readonly url: string;
  readonly dial: string;
  readonly ownerSecret: string;
  readonly clock: Clock;
}

/** Writes the client state, on a master with an admin token that is good for long; returns the token in it. */
export async function keepClientState(identity: Identity, access: ClientAccess): Promise<string | undefined> {
  const { state, clock, ...client } = access;
  // A damaged file is written anew.
  const known = await readClientState(state).catch(() => undefined);
  const made = identity.isMaster ? await keepAdminToken(identity.tokens, { previous: known?.token, clock }) : undefined;
  const token = made ?? known?.token;
  const content = { ...client, ca: identity.caPath, ...(token === undefined ? {} : { token }) };
  await identity.held.keep(clientStatePath(state), () => writeClientState(state, content));
  return token;
}
