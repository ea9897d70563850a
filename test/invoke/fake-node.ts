// A node's forwarding parts, wired as in a real one, over fake links and functions that take virtual time.

import { HerdError } from "../../src/core/errors.js";
import { defaultLimits, type Limits } from "../../src/core/limits.js";
import type { Logger } from "../../src/core/log.js";
import { Metrics } from "../../src/core/metrics.js";
import { AppRouter, activeApp } from "../../src/invoke/app-router.js";
import { CallReceiver } from "../../src/invoke/call-receiver.js";
import { CallSender } from "../../src/invoke/call-sender.js";
import { ForwardMetrics } from "../../src/invoke/forward-metrics.js";
import { ForwardedCalls, type PeerLine } from "../../src/invoke/forwarded-calls.js";
import { LocalInvoker, type Outcome, type Runner } from "../../src/invoke/invoker.js";
import { MeshInvoker } from "../../src/invoke/mesh-invoker.js";
import { OwnLoad } from "../../src/invoke/own-load.js";
import { PeerStatuses } from "../../src/invoke/peer-statuses.js";
import type { Member, MemberState } from "../../src/mesh/seams.js";
import { FakeLink, FakeLinks, type Sent } from "./fake-links.js";
import type { World } from "./world.js";

/** Runs `echo` (gives its arguments back), `trap` and `huge`; each call takes `runMs`. Counts what ran by its arguments. */
export class FakeRunner implements Runner {
  readonly ran: string[] = [];
  runMs = 10;
  queueLength = 1_000;
  readonly #world: World;
  readonly #slots: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(world: World, slots: number) {
    this.#world = world;
    this.#slots = slots;
  }

  stats() {
    return { slots: this.#slots, running: this.#running, queued: this.#waiting.length };
  }

  async run(call: Parameters<Runner["run"]>[0]): Promise<Outcome> {
    const clock = this.#world;
    const cameAt = clock.now();
    if (this.#waiting.length >= this.queueLength) throw new HerdError("node.overloaded", "many calls are waiting");
    if (this.#running >= this.#slots) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    const queueMs = clock.now() - cameAt;
    try {
      call.signal?.throwIfAborted();
      const text = Buffer.from(call.arguments.body).toString();
      this.ran.push(text);
      const endsAt = Math.min(call.deadline, clock.now() + this.runMs);
      while (clock.now() < endsAt && call.signal?.aborted !== true)
        await this.#sleep(Math.min(5, endsAt - clock.now()));
      call.signal?.throwIfAborted();
      if (clock.now() >= call.deadline) throw new HerdError("function.deadline", "late");
      if (call.function === "trap") throw new HerdError("function.trapped", text, { where: "index.ts:1:1" });
      if (call.function === "broken") throw new TypeError("secret of the host");
      const json = call.function === "huge" ? "x".repeat(10_000) : text;
      return { json, queueMs, runMs: this.runMs };
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.#world.after(ms, resolve));
  }
}

const ignore = (): void => undefined;

/** What a node of a test is made of. */
export interface FakeNodeOptions {
  readonly slots?: number;
  readonly limits?: Partial<Limits>;
  readonly wire?: (sent: Sent) => void;
}

/** The forwarding parts of one node, wired as in a real one. */
export class FakeNode {
  readonly world: World;
  readonly id: string;
  readonly wire: (sent: Sent) => void;
  readonly links = new FakeLinks();
  readonly runner: FakeRunner;
  readonly router = new AppRouter();
  readonly load: OwnLoad;
  readonly statuses: PeerStatuses;
  readonly calls: ForwardedCalls;
  readonly receiver: CallReceiver;
  readonly invoker: MeshInvoker;
  readonly metrics = new Metrics();
  readonly lines: PeerLine[] = [];
  readonly warnings: string[] = [];
  readonly states = new Map<string, MemberState>();
  readonly #watchers = new Set<(member: Member, before: Member | undefined) => void>();
  #count = 0;

  constructor(world: World, id: string, { slots = 1, limits = {}, wire = ignore }: FakeNodeOptions = {}) {
    this.world = world;
    this.id = id;
    this.wire = wire;
    this.runner = new FakeRunner(world, slots);
    const [clock, timers] = [world, world];
    const { random } = world;
    const { links, router } = this;
    const all = { ...defaultLimits, ...limits };
    const local = new LocalInvoker(this.runner);
    const load = new OwnLoad(() => this.runner.stats(), clock);
    const metrics = new ForwardMetrics(this.metrics);
    const keep = (message: string): void => void this.warnings.push(message);
    const log: Logger = { trace: ignore, debug: ignore, info: ignore, warn: keep, error: keep };
    const calls = new ForwardedCalls({ links, limits: all, onLine: (line) => this.lines.push(line) });
    const members = {
      get: (nodeId: string) => this.#member(nodeId),
      watch: (changed: (member: Member, before: Member | undefined) => void) => {
        this.#watchers.add(changed);
        return () => void this.#watchers.delete(changed);
      },
    };
    const nameOf = (nodeId: string): string => `name-${nodeId}`;
    const statuses = new PeerStatuses({ links, members, load, revisions: router, clock, timers, random });
    const sender = new CallSender({ statuses, calls, metrics, clock, log, nameOf });
    const nextInvocation = (): string => `${id}-own-${this.#count++}`;
    this.receiver = new CallReceiver({
      links,
      router,
      local,
      load,
      statuses,
      calls,
      metrics,
      limits: all,
      clock,
      log,
      nextInvocation,
      maxResultBytes: 5_000,
    });
    this.invoker = new MeshInvoker({ nodeId: id, local, sender, load, statuses, metrics, random, nameOf });
    this.load = load;
    this.calls = calls;
    this.statuses = statuses;
    for (const part of [statuses, calls, this.receiver]) part.start();
  }

  /** Opens a link between two nodes. */
  link(other: FakeNode): FakeLink {
    const here = new FakeLink(this, other.id);
    const there = new FakeLink(other, this.id);
    here.other = there;
    there.other = here;
    this.links.opened(here);
    other.links.opened(there);
    return here;
  }

  /** Has the app `app` from now on, as that revision. */
  deploy(revision = "0123456789ab", app = "app"): void {
    const functions = ["echo", "trap", "huge", "broken"].map((name) => ({
      name,
      wit: name,
      parameters: [],
      result: null,
    }));
    const prepared = { revision, interface: { version: 1 as const, functions, records: [], enums: [] } };
    this.router.activate(activeApp(app, prepared, { public: true }));
  }

  /** What membership says of another node. */
  judge(nodeId: string, state: MemberState): void {
    this.states.set(nodeId, state);
    const member = this.#member(nodeId);
    if (member !== undefined) for (const changed of this.#watchers) changed(member, undefined);
  }

  /** Calls a function with that text as arguments. */
  call(text: string, options: CallOptions = {}): Promise<Outcome> {
    const app = this.router.find("app");
    if (app === undefined) throw new TypeError("deploy first");
    return this.invoker.invoke({
      app,
      function: options.function ?? "echo",
      arguments: { format: "json", body: Buffer.from(text) },
      invocation: options.invocation ?? `${this.id}-${this.#count++}`,
      deadline: this.world.now() + (options.deadlineMs ?? 5_000),
      signal: options.signal ?? new AbortController().signal,
      node: options.node,
    });
  }

  #member(id: string): Member | undefined {
    const state = this.states.get(id);
    return state === undefined ? undefined : { id, state, incarnation: 1, address: undefined, url: "" };
  }
}

/** How a test calls. */
export interface CallOptions {
  readonly function?: string;
  readonly invocation?: string;
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  readonly node?: string;
}
