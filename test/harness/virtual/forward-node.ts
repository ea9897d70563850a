// A node's forwarding parts, wired as in a real one, over fake links and functions that take virtual time.

import type { CallLog } from "../../../runtime/sandbox/call.js";
import { DeadlineExceeded, NotStarted, Preempted } from "../../../runtime/sandbox/failures.js";
import { type Capacity, type CapacitySource, kernels } from "../../../src/capacity/capacity.js";
import type { Clock } from "../../../src/core/clock.js";
import { defaultLocalBias } from "../../../src/core/config.js";
import { HerdError } from "../../../src/core/errors.js";
import { defaultLimits, type Limits } from "../../../src/core/limits.js";
import type { LogDetails } from "../../../src/core/log.js";
import { LogRateLimit } from "../../../src/core/log-rate-limit.js";
import { Metrics } from "../../../src/core/metrics.js";
import type { Random, Timers } from "../../../src/core/timers.js";
import { AppRouter } from "../../../src/invoke/app-router.js";
import { Forwarding } from "../../../src/invoke/forwarding/forwarding.js";
import type { PeerLine } from "../../../src/invoke/forwarding/log-relay.js";
import { type InvocationEnd, type InvocationResult, type Runner, settle } from "../../../src/invoke/invoker.js";
import type { Links, Member, MemberState } from "../../../src/mesh/ports.js";
import type { Allowance, AllowanceSource } from "../../../src/owner/allowance.js";
import { invoke } from "../invoke.js";
import { FakeLink, FakeLinks, type Sent, World } from "./fake-links.js";

const ignore = (): void => undefined;

/** A fake machine's owner. */
export class FakeOwner implements AllowanceSource {
  current: Allowance;
  readonly #listeners = new Set<(allowance: Allowance, before: Allowance) => void>();

  constructor(slots: number) {
    this.current = { state: "none", slots, idleClass: false, lightUnits: Number.POSITIVE_INFINITY };
  }

  /** Allows something else from now on. */
  allow(change: Partial<Allowance>): void {
    const before = this.current;
    this.current = { ...before, ...change };
    for (const listener of this.#listeners) listener(this.current, before);
  }

  watch(listener: (allowance: Allowance, before: Allowance) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

/** A fake machine's speed. */
class FakeCapacity implements CapacitySource {
  current: Capacity | undefined;
  readonly #listeners = new Set<(capacity: Capacity) => void>();

  /** Sets the measured capacity: one worker does `rate` units in a millisecond. */
  set(rate: number, workers = 1): void {
    const overall = rate * 1_000 * workers;
    const each = kernels.map((kernel) => [kernel, overall]);
    this.current = { overall, workers, kernels: Object.fromEntries(each) };
    for (const listener of this.#listeners) listener(this.current);
  }

  watch(listener: (capacity: Capacity) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

type RunnerCall = Parameters<Runner["begin"]>[0];

/**
 * Runs `echo` (returns its arguments), `trap` and `huge`; each call takes `runMs`. Records the arguments of all runs.
 */
export class FakeRunner implements Runner {
  ran: string[] = [];
  /** Their logs. */
  readonly logs: (CallLog | undefined)[] = [];
  runMs = 10;
  /** What the node is held up with each call, beside its run. */
  heldUpMs = 0;
  queueLength = 1_000;
  /** What every call fails with; undefined while calls run. */
  fault: Error | undefined;
  readonly #world: TimeAndChance;
  readonly #owner: FakeOwner;
  readonly #waiting: (() => void)[] = [];
  readonly #preemptions = new Set<AbortController>();
  #running = 0;

  constructor(world: TimeAndChance, owner: FakeOwner) {
    this.#world = world;
    this.#owner = owner;
  }

  /** Preempts every call. */
  preempt(): void {
    for (const preemption of this.#preemptions) preemption.abort(new Preempted());
  }

  /** Its calls take their time one after the other, however long they are. */
  readonly longWorkers = 0;

  stats() {
    return { slots: this.#owner.current.slots, running: this.#running, queued: this.#waiting.length };
  }

  begin(call: RunnerCall, end: InvocationEnd): void {
    settle(this.#run(call), end);
  }

  async #run(call: RunnerCall): Promise<InvocationResult> {
    const clock = this.#world;
    const cameAt = clock.now();
    if (this.fault !== undefined) throw this.fault;
    if (this.#waiting.length >= this.queueLength) throw new NotStarted("busy", "many calls are waiting");
    if (this.#running >= Math.max(1, this.#owner.current.slots))
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    const queueMs = clock.now() - cameAt;
    const preemption = new AbortController();
    this.#preemptions.add(preemption);
    try {
      call.signal?.throwIfAborted();
      const text = Buffer.from(call.arguments.body).toString();
      this.ran.push(text);
      this.logs.push(call.log);
      const endsAt = Math.min(call.deadline, clock.now() + this.runMs + this.heldUpMs);
      while (clock.now() < endsAt && call.signal?.aborted !== true && !preemption.signal.aborted)
        await this.#sleep(Math.min(5, endsAt - clock.now()));
      call.signal?.throwIfAborted();
      preemption.signal.throwIfAborted();
      if (clock.now() >= call.deadline) throw new DeadlineExceeded("late");
      if (call.function === "trap") throw new HerdError("function.trapped", text, { where: "index.ts:1:1" });
      const json = call.function === "huge" ? "x".repeat(10_000) : text;
      return { json, queueMs, runMs: this.runMs, serviceMs: this.runMs + this.heldUpMs };
    } finally {
      this.#preemptions.delete(preemption);
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.#world.after(ms, resolve));
  }
}

/** Time and chance, as nodes share them. */
export interface TimeAndChance extends Clock, Timers {
  readonly random: Random;
}

/** What a node of a test is made of. */
export interface TestNodeOptions {
  readonly slots?: number;
  readonly limits?: Partial<Limits>;
}

/** The forwarding parts of one node, with an echo for a sandbox, over any links. */
export class ForwardNode<Own extends Links = Links> {
  readonly id: string;
  readonly links: Own;
  readonly workers: number;
  readonly owner: FakeOwner;
  readonly capacity = new FakeCapacity();
  readonly runner: FakeRunner;
  readonly router = new AppRouter();
  readonly forwarding: Forwarding;
  readonly metrics = new Metrics();
  readonly lines: PeerLine[] = [];
  readonly warnings: string[] = [];
  readonly states = new Map<string, MemberState>();
  readonly #time: TimeAndChance;
  readonly #watchers = new Set<(member: Member, before: Member | undefined) => void>();
  #count = 0;

  constructor(
    { id, links, time }: { id: string; links: Own; time: TimeAndChance },
    { slots = 1, limits = {} }: TestNodeOptions = {},
  ) {
    this.id = id;
    this.links = links;
    this.#time = time;
    this.workers = slots;
    this.owner = new FakeOwner(slots);
    this.runner = new FakeRunner(time, this.owner);
    const repeats = new LogRateLimit(time);
    // As a node's own logger does: see createLogger.
    const keep = (message: string, { repeat, cause }: LogDetails = {}): void => {
      if (repeat !== undefined && repeats.take(`${message} ${repeat}`) === undefined) return;
      this.warnings.push(cause instanceof Error ? `${message}: ${cause.message}` : message);
    };
    this.forwarding = new Forwarding({
      nodeId: id,
      links,
      members: {
        get: (nodeId) => this.#member(nodeId),
        watch: (changed) => {
          this.#watchers.add(changed);
          return () => void this.#watchers.delete(changed);
        },
      },
      sandbox: this.runner,
      allowances: this.owner,
      capacity: this.capacity,
      localBias: defaultLocalBias,
      loopDelayMs: () => 7,
      router: this.router,
      limits: { ...defaultLimits, ...limits },
      clock: time,
      timers: time,
      random: time.random,
      log: { trace: ignore, debug: ignore, info: ignore, warn: keep, error: keep },
      metrics: this.metrics,
      nameOf: (nodeId) => `name-${nodeId}`,
      onLine: (line) => this.lines.push(line),
      maxResultBytes: 5_000,
    });
    this.forwarding.start();
  }

  get load(): Forwarding["load"] {
    return this.forwarding.load;
  }

  get statuses(): Forwarding["statuses"] {
    return this.forwarding.statuses;
  }

  /** Has the app `app` from now on, as that revision. */
  deploy(revision = "0123456789ab", app = "app"): void {
    const functions = ["echo", "trap", "huge"].map((name) => ({
      name,
      wit: name,
      parameters: [],
      result: null,
    }));
    const prepared = { revision, interface: { version: 1 as const, functions, records: [], enums: [] } };
    this.router.activate(app, prepared, { public: true });
  }

  /** The membership's state of another node. */
  judge(nodeId: string, state: MemberState): void {
    this.states.set(nodeId, state);
    const member = this.#member(nodeId);
    if (member !== undefined) for (const changed of this.#watchers) changed(member, undefined);
  }

  /** Calls a function with that text as arguments. */
  call(text: string, options: CallOptions = {}): Promise<InvocationResult> {
    const app = this.router.find("app");
    if (app === undefined) throw new TypeError("deploy first");
    return invoke(this.forwarding.invoker, {
      app,
      function: options.function ?? "echo",
      arguments: { format: "json", body: Buffer.from(text) },
      id: options.id ?? `${this.id}-${this.#count++}`,
      deadline: this.#time.now() + (options.deadlineMs ?? 5_000),
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
  readonly id?: string;
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  readonly node?: string;
}

/** What a node over fake links is made of. */
export interface FakeNodeOptions extends TestNodeOptions {
  readonly wire?: (sent: Sent) => void;
}

/** One over fake links; `wire` sees their frames. */
export class FakeNode extends ForwardNode<FakeLinks> {
  readonly world: World;
  readonly wire: (sent: Sent) => void;

  constructor(world: World, id: string, options: FakeNodeOptions = {}) {
    super({ id, links: new FakeLinks(), time: world }, options);
    this.world = world;
    this.wire = options.wire ?? ignore;
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
}

/** Nodes a, b, c… that all have the app and are all linked, once they know each other. */
export async function fakeMesh(
  count: number,
  options: FakeNodeOptions = {},
): Promise<{ world: World; nodes: FakeNode[] }> {
  const world = new World(count);
  const nodes = Array.from({ length: count }, (_, index) => new FakeNode(world, "abcdef"[index] ?? "", options));
  for (const [index, node] of nodes.entries()) {
    node.deploy();
    for (const other of nodes.slice(0, index)) node.link(other);
  }
  await world.advance(100);
  return { world, nodes };
}

/** One of them. */
export function pick(nodes: FakeNode[], index: number): FakeNode {
  const node = nodes[index];
  if (node === undefined) throw new TypeError("no such node");
  return node;
}
