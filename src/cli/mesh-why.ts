// `herd mesh why INVOCATION`: what a node knew of itself and its peers when it decided where a call runs.

import { connect, type GlobalOptions } from "../client/connection.js";
import { printable } from "../core/terminal-text.js";
import { printJson, printLine } from "./print.js";

interface SideBody {
  readonly slots: number;
  readonly running: number;
  readonly queued: number;
  readonly serviceMs: number | null;
  readonly expectedMs: number | null;
  readonly lightUnits: number | null;
}

interface CandidateBody {
  readonly name: string;
  readonly weight: number;
  readonly rate: number;
  readonly expectedMs: number | null;
  readonly whyNot: string | null;
  readonly lightUnits: number | null;
}

interface StepBody {
  /** Work units of the call. */
  readonly units: number | null;
  readonly sampled: boolean;
  readonly candidates: readonly CandidateBody[];
  readonly draws: readonly string[];
  readonly way: string;
  readonly here: SideBody & { readonly available: boolean };
  readonly peer:
    | (SideBody & {
        readonly name: string;
        readonly inFlight: number;
        readonly rttMs: number | null;
        readonly taken: string | null;
        readonly refusal: string | null;
      })
    | null;
}

/** What `GET /v1/mesh/why/{invocation}` tells. */
export interface WhyBody {
  readonly invocation: string;
  readonly at: string;
  readonly app: string;
  readonly revision: string;
  readonly function: string;
  readonly node: string;
  readonly peers: number;
  readonly bias: number;
  readonly steps: readonly StepBody[];
}

/** Prints each step of a call's way. */
export async function meshWhy(invocation: string, options: GlobalOptions): Promise<void> {
  const why = await (await connect(options)).json<WhyBody>(`/v1/mesh/why/${encodeURIComponent(invocation)}`);
  if (options.json) printJson(why);
  else for (const line of whyLines(why)) printLine(line);
}

/** The lines for people. */
export function whyLines({ at, app, function: name, node, peers, bias, steps, ...call }: WhyBody): string[] {
  const what = `${app}/${name} (${call.revision}) at ${at}`;
  const could = peers === 1 ? "1 peer" : `${peers} peers`;
  const lines = [`${what}: came in at ${node}, ${could} could run it`];
  for (const [index, step] of steps.entries()) {
    const { way, here, peer, units } = step;
    const where =
      peer === null ? (ways[way] ?? way) : `at ${peer.name}${ends[peer.taken ?? ""] ?? ""}${refusalOf(peer)}`;
    lines.push(`${index + 1}. ${where}${units === null ? "" : `; a call takes ${units.toFixed(2)} work units`}`);
    const bound = heavyFor(here, units) ? `; too heavy for its owner, who takes ${here.lightUnits} units` : "";
    lines.push(`   ${node}: ${loadOf(here)}, ${here.available ? answerOf(here) : "gives its calls away"}${bound}`);
    if (peer !== null) {
      const rtt = peer.rttMs === null ? "not measured" : `${peer.rttMs.toFixed(2)} ms`;
      const sent = peer.inFlight === 0 ? "" : `, ${peer.inFlight} more on the way there`;
      lines.push(`   ${peer.name}: ${loadOf(peer)}${sent}, round trip ${rtt}, ${answerOf(peer)}`);
    }
    lines.push(...candidateLines(step));
  }
  if (steps.some(({ way }) => way === "queue" || way === "peer")) {
    lines.push(`a peer gets a call when its answer is expected ${bias} times sooner than here`);
  }
  return lines.map(printable);
}

const ways: Readonly<Record<string, string>> = {
  local: "here: a worker was idle",
  queue: "here, in the queue: no peer was expected to answer enough sooner",
  none: "nowhere: the node gives its calls away, and no peer took it",
  home: "here: no other peer was left to try",
  stopped: "here again: the node had to stop it, and no peer took it",
  large: "here: its arguments are too large to move",
};

const ends: Readonly<Record<string, string>> = {
  answered: "",
  failed: ", where it ended with an error",
  refused: ", which refused it",
  lost: ", which was lost with it",
  broken: ", which failed with it",
  "": ", which has not answered yet",
};

/** Why a peer refused a call, as it said. */
const refusals: Readonly<Record<string, string>> = {
  busy: "the call would have waited longer there than here",
  unknown: "it does not have the revision",
  draining: "it takes no calls of others now",
  "too-large": "arguments or result are too large for it",
  heavy: "the call is too heavy for its owner",
  link: "its link would not take the call",
};

function refusalOf({ refusal }: { readonly refusal: string | null }): string {
  return refusal === null ? "" : `: ${refusals[refusal] ?? refusal}`;
}

function heavyFor({ lightUnits }: SideBody, units: number | null): boolean {
  return lightUnits !== null && units !== null && units > lightUnits;
}

/** Why a peer could not be drawn. */
const whyNots: Readonly<Record<string, string>> = {
  silent: "it was not heard of lately",
  suspect: "it may be dead",
  draining: "it drains",
  ejected: "it failed too often and gets no calls for a while",
  full: "too many calls of this node are there already",
  owner: "its owner leaves calls no worker",
};

function whyNotText(whyNot: string, lightUnits: number | null): string {
  if (whyNot === "heavy") return `the call is too heavy for its owner, who takes ${lightUnits} units`;
  return whyNots[whyNot] ?? whyNot;
}

function loadOf({ running, slots, queued }: SideBody): string {
  return `${running} of ${slots} slots running, ${queued} queued`;
}

function answerOf({ serviceMs, expectedMs }: SideBody): string {
  const mean = serviceMs === null ? "" : ` (calls take ${serviceMs.toFixed(2)} ms there)`;
  return expectedMs === null ? "takes no calls" : `answer expected in ${expectedMs.toFixed(2)} ms${mean}`;
}

/** The candidates of a choice that was kept whole, the weightiest first, with a number at those that were drawn. */
function candidateLines({ candidates, draws }: StepBody): string[] {
  return candidates
    .toSorted((one, other) => other.weight - one.weight)
    .map(({ name, weight, rate, expectedMs, whyNot, lightUnits }) => {
      if (whyNot !== null) return `   · ${name}: not drawn: ${whyNotText(whyNot, lightUnits)}`;
      const draw = draws.indexOf(name);
      const drawn = draw < 0 ? "-" : `drawn ${draw === 0 ? "first" : "second"}`;
      const answer = expectedMs === null ? "takes no calls" : `answer in ${expectedMs.toFixed(2)} ms`;
      return `   · ${name}: weight ${weight.toFixed(0)}, ${rate.toFixed(2)} units a millisecond, ${answer}, ${drawn}`;
    });
}
