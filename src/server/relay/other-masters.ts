// What each master keeps for itself, asked of all of them: the same request again, with the same token, at every other one.

import { tryParseJson } from "../../core/json.js";
import type { Exchange } from "../http/exchange.js";
import { type Relay, relayedResponse } from "./relay.js";

const timeoutMs = 3_000;

/** A master's answer; `json` is undefined when its body is none. */
export interface MasterAnswer {
  readonly status: number;
  readonly json: unknown;
}

/**
 * Answers of the other masters that can be reached; none when the request says `here=true`, as those that this sends do, so that
 * nothing goes in circles. `masters` are ids, the own one among them.
 */
export async function askOtherMasters(
  exchange: Exchange,
  { relay, masters }: { readonly relay: Relay; readonly masters: readonly string[] },
): Promise<MasterAnswer[]> {
  if (exchange.flag("here") === true) return [];
  const { incoming } = exchange;
  const { authorization } = incoming.headers;
  const request = {
    method: incoming.method,
    target: `${incoming.path}?here=true`,
    headers: authorization === undefined ? {} : { authorization },
    body: new Uint8Array(),
    remoteAddress: incoming.remoteAddress,
    baseUrl: incoming.baseUrl,
  };
  const signal = AbortSignal.any([exchange.signal, AbortSignal.timeout(timeoutMs)]);
  const others = masters.filter((node) => !relay.isHere({ node }));
  const answers = await Promise.all(
    others.map(async (node) => {
      try {
        const { status, body } = relayedResponse(await relay.ask({ node }, request, signal));
        return [{ status, json: tryParseJson(body) }];
      } catch {
        // What that master keeps is not known while it is away.
        return [];
      }
    }),
  );
  return answers.flat();
}
