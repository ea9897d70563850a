// The node's state in the page: apps, mesh, nodes and requests to join, read again after each event that changes them.

import { effect, type Signal, signal } from "@preact/signals";
import { type CallStats, type ListedApp, listApps } from "../../../api/apps.ts";
import { followEvents, meshEvent, type SentEvent } from "../../../api/events.ts";
import { listJoins, type PendingJoin } from "../../../api/joins.ts";
import { type Mesh, showMesh } from "../../../api/mesh.ts";
import { type ListedNode, listNodes, nodeList } from "../../../api/nodes.ts";
import { narrowed } from "../../../api/route.ts";
import { Following } from "./following.ts";
import { ProblemError } from "./problem.ts";
import { readable } from "./readable.ts";
import { call, open } from "./requests.ts";
import { refused, token } from "./session.ts";

/** A value from the node, undefined before the first reading, and the problem of the last reading that failed. */
export interface Store<Value> {
  readonly value: Signal<Value | undefined>;
  readonly problem: Signal<ProblemError | undefined>;
  /** Reads the value again. */
  refresh(): Promise<void>;
}

/** The apps, by name. */
export const apps: Store<readonly ListedApp[]> = store(() => call(listApps));
/** The mesh as the node sees it. */
export const mesh: Store<Mesh> = store(() => call(showMesh));
/** Every node that was ever let in. */
export const nodes: Store<readonly ListedNode[]> = store(() => call(narrowed(listNodes, nodeList)));
/** Requests to join that wait for a person. */
export const joins: Store<readonly PendingJoin[]> = store(() => call(listJoins));

/** Stats of the last minute's calls, by app and function. */
export const callStats = signal<Readonly<Record<string, Readonly<Record<string, CallStats>>>>>({});

/** Calls a second that the node forwards to each peer, by name, between the last two events. */
export const forwardRates = signal<Readonly<Record<string, number>>>({});

/** The stream of the node's events; undefined while nobody is signed in. */
export const events = signal<Following | undefined>(undefined);

/** Revisions by app in the last event, as JSON: an app that changes there was deployed through another node. */
let revisions = "";

/** When the last event with stats was sent, ms since 1970. */
let statsAt = 0;

type StatsEvent = Extract<SentEvent, { readonly type: "figures" }>;

/** Follows the node's events while somebody is signed in. Called once. */
export function keepFresh(): void {
  effect(() => {
    events.peek()?.stop();
    if (token.value === null || refused.value) {
      events.value = undefined;
      return;
    }
    events.value = new Following({
      open: (signal) => open(followEvents, { query: { figures: "true" }, signal }),
      onOpen: refreshAll,
      onLine: (line) => {
        // The line with the event's name is not needed: the data holds the type too.
        const event = line.startsWith("data: ") ? eventOf(line.slice("data: ".length)) : undefined;
        if (event !== undefined) onEvent(event);
      },
    });
    // The apps are readable also with a token that may not follow events.
    void apps.refresh();
  });
  setInterval(() => {
    if (events.value?.state.value === "forbidden") void apps.refresh();
  }, 5_000);
}

function refreshAll(): void {
  for (const each of [apps, mesh, nodes, joins]) void each.refresh();
}

/** The event; undefined for an event that the page cannot read, which the frame of the page reports. */
function eventOf(data: string): SentEvent | undefined {
  try {
    return readable("GET /v1/events", () => meshEvent.parse(JSON.parse(data)));
  } catch {
    return undefined;
  }
}

function onEvent(event: SentEvent): void {
  if (event.type === "figures") {
    onStats(event);
    return;
  }
  if (event.type.startsWith("app.")) void apps.refresh();
  if (event.type.startsWith("join.")) void joins.refresh();
  if (event.type.startsWith("node.") || event.type === "join.approved") {
    void nodes.refresh();
    void mesh.refresh();
  }
}

function onStats(event: StatsEvent): void {
  forwardRates.value = ratesSince(mesh.value.value, event);
  statsAt = Date.parse(event.at);
  mesh.value.value = event.mesh;
  callStats.value = Object.fromEntries(Object.entries(event.apps).map(([app, { functions }]) => [app, functions]));
  const now = JSON.stringify(Object.entries(event.apps).map(([app, { revision }]) => [app, revision]));
  if (now !== revisions && revisions !== "") void apps.refresh();
  revisions = now;
}

/** Calls a second forwarded to each peer since the event before; none when the node restarted between the two. */
function ratesSince(before: Mesh | undefined, { mesh: now, at }: StatsEvent): Record<string, number> {
  const seconds = (Date.parse(at) - statsAt) / 1_000;
  if (before === undefined || !(seconds > 0 && seconds < 10)) return {};
  const counts = new Map(before.peers.map(({ name, forwarded }) => [name, forwarded]));
  return Object.fromEntries(
    now.peers.map(({ name, forwarded }) => [name, Math.max(0, forwarded - (counts.get(name) ?? forwarded)) / seconds]),
  );
}

/** A store whose readings may overlap: the one that began last decides. */
function store<Value>(read: () => Promise<Value>): Store<Value> {
  const value = signal<Value | undefined>(undefined);
  const problem = signal<ProblemError | undefined>(undefined);
  let latest = 0;
  const refresh = async (): Promise<void> => {
    const turn = ++latest;
    try {
      const now = await read();
      if (turn !== latest) return;
      value.value = now;
      problem.value = undefined;
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      if (turn === latest) problem.value = error;
    }
  };
  return { value, problem, refresh };
}
