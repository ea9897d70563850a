// `herd mesh why INVOCATION`: the state of a node and its peers when the node chose where a call runs.

import { type Choice, whyCall } from "../api/mesh.js";
import { connect, type GlobalOptions } from "../client/client-options.js";
import { printable } from "../core/terminal-text.js";
import { printAnswer, printLine } from "./print.js";

type Step = Choice["steps"][number];
type Side = Omit<Step["here"], "available">;

/** Prints each step of a call's way. */
export async function meshWhy(invocation: string, options: GlobalOptions): Promise<void> {
  const answer = await (await connect(options)).call(whyCall, { parameters: { invocation } });
  if (options.json) printAnswer(answer);
  else for (const line of whyLines(answer.json)) printLine(line);
}

/** The lines for people. */
export function whyLines({ at, app, function: name, node, peers, bias, steps, ...call }: Choice): string[] {
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

/** Reasons of a peer for refusing a call. */
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

function heavyFor({ lightUnits }: Side, units: number | null): boolean {
  return lightUnits !== null && units !== null && units > lightUnits;
}

/** Why a peer could not be drawn. */
const whyNots: Readonly<Record<string, string>> = {
  silent: "no report of it came lately",
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

function loadOf({ running, slots, queued }: Side): string {
  return `${running} of ${slots} slots running, ${queued} queued`;
}

function answerOf({ serviceMs, expectedMs }: Side): string {
  const mean = serviceMs === null ? "" : ` (calls take ${serviceMs.toFixed(2)} ms there)`;
  return expectedMs === null ? "takes no calls" : `answer expected in ${expectedMs.toFixed(2)} ms${mean}`;
}

function known(value: number | null, digits: number): string {
  return value === null ? "unknown" : value.toFixed(digits);
}

/** The candidates of a choice that was kept whole, the weightiest first, with a number at those that were drawn. */
function candidateLines({ candidates, draws }: Step): string[] {
  return candidates
    .toSorted((one, other) => (other.weight ?? 0) - (one.weight ?? 0))
    .map(({ name, weight, rate, expectedMs, whyNot, lightUnits }) => {
      if (whyNot !== null) return `   · ${name}: not drawn: ${whyNotText(whyNot, lightUnits)}`;
      const draw = draws.indexOf(name);
      const drawn = draw < 0 ? "-" : `drawn ${draw === 0 ? "first" : "second"}`;
      const answer = expectedMs === null ? "takes no calls" : `answer in ${expectedMs.toFixed(2)} ms`;
      return `   · ${name}: weight ${known(weight, 0)}, ${known(rate, 2)} units a millisecond, ${answer}, ${drawn}`;
    });
}
