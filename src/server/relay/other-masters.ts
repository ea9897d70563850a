// What each master keeps for itself, requested of all of them: the same request again, with the same token, at every
// other one.

import { tryParseJson } from "../../core/json.js";
import type { EndpointRequest } from "../http/endpoint.js";
import { type Relay, relayedAnswer } from "./relay-message.js";

const timeoutMs = 3_000;

/** A master's answer; `json` is undefined when its body is none. */
export interface MasterAnswer {
  readonly status: number;
  readonly json: unknown;
}

/**
 * Answers of the other masters that can be reached; none when the request has `here=true`, as those that this sends do, so that
 * nothing goes in circles. `masters` are ids, the own one among them.
 */
export async function askOtherMasters(
  { query, http }: Pick<EndpointRequest, "http"> & { readonly query: { readonly here?: boolean | undefined } },
  { relay, masters }: { readonly relay: Relay; readonly masters: readonly string[] },
): Promise<MasterAnswer[]> {
  if (query.here === true) return [];
  const { method, path, remoteAddress, baseUrl } = http;
  const { authorization } = http.headers;
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  const request = { method, target: `${path}?here=true`, headers, body: new Uint8Array(), remoteAddress, baseUrl };
  const signal = AbortSignal.any([http.signal, AbortSignal.timeout(timeoutMs)]);
  const others = masters.filter((node) => !relay.isHere({ node }));
  const answers = await Promise.all(
    others.map(async (node) => {
      try {
        const { status, body } = relayedAnswer(await relay.request({ node }, request, signal));
        return [{ status, json: tryParseJson(body) }];
      } catch {
        // What that master keeps is not known while it is away.
        return [];
      }
    }),
  );
  return answers.flat();
}
