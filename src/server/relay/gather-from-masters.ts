// Gathers records that each master keeps for itself: sends the client's request, with its token, to every other master.

import { tryParseJson } from "../../core/json.js";
import type { EndpointRequest } from "../http/endpoint.js";
import { type Relay, relayedAnswer } from "./relay-message.js";

const timeoutMs = 3_000;

/** A master's answer; `json` is undefined when the body is no JSON. */
export interface MasterAnswer {
  readonly status: number;
  readonly json: unknown;
}

/**
 * The answers of the other masters that can be reached. None when the request has `here=true`, which the requests to
 * the other masters have: so no request goes in circles. `masters` are ids, this node's among them if it is a master.
 */
export async function requestFromOtherMasters(
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
        // The records of a master are missing from the answer while that master cannot be reached.
        return [];
      }
    }),
  );
  return answers.flat();
}
