// What the node knows, kept fresh: apps, mesh, nodes and requests to join, told by its events and read again when they say so.

import { effect, type Signal, signal } from "@preact/signals";
import { ask, Problem } from "./api.ts";
import { Following } from "./following.ts";
import { refused, token } from "./session.ts";
import type { App, CallFigures, JoinRequest, Mesh, NodeEntry } from "./shapes.ts";

/** Something that is read from the node: its value once there is one, and why the last reading failed. */
export interface Store<Value> {
  readonly value: Signal<Value | undefined>;
  readonly problem: Signal<Problem | undefined>;
  /** Reads it again. */
  refresh(): Promise<void>;
}

/** The apps, by name. */
export const apps: Store<readonly App[]> = store("/v1/apps");
/** The mesh as the node sees it. */
export const mesh: Store<Mesh> = store("/v1/mesh");
/** Every node that was ever let in. */
export const nodes: Store<readonly NodeEntry[]> = store("/v1/nodes");
/** Requests to join that wait. */
export const joins: Store<readonly JoinRequest[]> = store("/v1/joins");
/** Figures of the last minute, by app and function. */
export const figures = signal<Readonly<Record<string, Readonly<Record<string, CallFigures>>>>>({});

/** Calls a second that the node hands to each peer, by name, from one event to the next. */
export const forwardRates = signal<Readonly<Record<string, number>>>({});

/** Events of the node; undefined while nobody is signed in. */
export const events = signal<Following | undefined>(undefined);

/** Revisions by app as the last event told them: other nodes deploy too. */
let revisions = "";

let figuresAt = 0;

interface FiguresEvent {
  readonly at: string;
  readonly mesh: Mesh;
  readonly apps: Readonly<
    Record<string, { readonly revision: string; readonly functions: Readonly<Record<string, CallFigures>> }>
  >;
}

/** Follows the node's events while somebody is signed in. Called once. */
export function keepFresh(): void {
  effect(() => {
    if (token.value === null || refused.value) {
      events.peek()?.stop();
      events.value = undefined;
      return;
    }
    events.peek()?.stop();
    let type = "";
    events.value = new Following({
      path: () => "/v1/events?figures=true",
      onOpen: refreshAll,
      onLine: (line) => {
        if (line.startsWith("event: ")) type = line.slice("event: ".length);
        else if (line.startsWith("data: ")) happened(type, line.slice("data: ".length));
      },
    });
    // Who may not listen to events sees the apps all the same.
    void apps.refresh();
  });
  setInterval(() => {
    if (events.value?.state.value === "forbidden") void apps.refresh();
  }, 5_000);
}

function refreshAll(): void {
  for (const each of [apps, mesh, nodes, joins]) void each.refresh();
}

function happened(type: string, data: string): void {
  if (type === "figures") {
    const told = JSON.parse(data) as FiguresEvent;
    forwardRates.value = ratesSince(mesh.value.value, told);
    figuresAt = Date.parse(told.at);
    mesh.value.value = told.mesh;
    figures.value = Object.fromEntries(Object.entries(told.apps).map(([app, { functions }]) => [app, functions]));
    const now = JSON.stringify(Object.entries(told.apps).map(([app, { revision }]) => [app, revision]));
    if (now !== revisions && revisions !== "") void apps.refresh();
    revisions = now;
    return;
  }
  if (type.startsWith("app.")) void apps.refresh();
  if (type.startsWith("join.")) void joins.refresh();
  if (type.startsWith("node.") || type === "join.approved") {
    void nodes.refresh();
    void mesh.refresh();
  }
}

/** What was handed to each peer since the event before, a second; nothing when the node restarted between. */
function ratesSince(before: Mesh | undefined, { mesh: now, at }: FiguresEvent): Record<string, number> {
  const seconds = (Date.parse(at) - figuresAt) / 1_000;
  if (before === undefined || !(seconds > 0 && seconds < 10)) return {};
  const counts = new Map(before.peers.map(({ name, forwarded }) => [name, forwarded]));
  return Object.fromEntries(
    now.peers.map(({ name, forwarded }) => [name, Math.max(0, forwarded - (counts.get(name) ?? forwarded)) / seconds]),
  );
}

function store<Value>(path: string): Store<Value> {
  const value = signal<Value | undefined>(undefined);
  const problem = signal<Problem | undefined>(undefined);
  let latest = 0;
  const refresh = async (): Promise<void> => {
    const turn = ++latest;
    try {
      const read = await ask<Value>(path);
      if (turn !== latest) return;
      value.value = read;
      problem.value = undefined;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (turn === latest) problem.value = error;
    }
  };
  return { value, problem, refresh };
}
