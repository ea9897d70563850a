// The cost of a hop: the choice, and a call to a peer over a real link on loopback, each node with a thread of its own.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Estimate } from "../src/cli/bench/chart.js";
import { systemClock } from "../src/core/clock.js";
import { type Candidate, choose } from "../src/invoke/routing/choose.js";
import type { Here, Work } from "../src/invoke/routing/finish.js";
import { invoke } from "../test/harness/invoke.js";
import { TestMesh } from "../test/harness/tls/test-mesh.js";
import { ForwardNode, type ForwardNodeData } from "./forward-node.js";
import { estimated, repeat } from "./rounds.js";
import { estimateOf, percentile } from "./statistics.js";

const rounds = 5;

/** Medians over the rounds: nanoseconds of a choice among nine peers; microseconds and calls of forwarding. */
export interface ForwardReport {
  readonly choiceNs: Estimate;
  readonly p50UsAt1: Estimate;
  readonly p50UsAt32: Estimate;
  readonly p99UsAt32: Estimate;
  readonly callsPerSecondAt32: Estimate;
}

/** Measures on an otherwise idle machine; takes some five seconds. */
export async function measureForward(): Promise<ForwardReport> {
  const mesh = await TestMesh.found(systemClock);
  const data = (id: string): ForwardNodeData => {
    const { certificate, key } = mesh.peer(id);
    return { id, meshId: mesh.root.meshId, root: mesh.root.certificate, leaf: { certificate, key } };
  };
  const peerId = "b".repeat(32);
  const worker = new Worker(new URL("./forward-node.js", import.meta.url), { workerData: data(peerId) });
  const node = new ForwardNode(data("a".repeat(32)));
  try {
    const [port] = (await once(worker, "message")) as [number];
    await node.start();
    await node.links.dial(`127.0.0.1:${port}`, AbortSignal.timeout(5_000));
    const one = await repeat(rounds, () => together(node, { peerId, inFlight: 1, count: 4_000 }));
    const many = await repeat(rounds, () => together(node, { peerId, inFlight: 32, count: 40_000 }));
    return {
      choiceNs: choiceNs(),
      p50UsAt1: estimated(one, ({ p50Us }) => p50Us),
      p50UsAt32: estimated(many, ({ p50Us }) => p50Us),
      p99UsAt32: estimated(many, ({ p99Us }) => p99Us),
      callsPerSecondAt32: estimated(many, ({ perSecond }) => perSecond),
    };
  } finally {
    node.forwarding.stop();
    await node.links.stop();
    await worker.terminate();
  }
}

interface Measured {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly perSecond: number;
}

async function together(
  node: ForwardNode,
  { peerId, inFlight, count }: { peerId: string; inFlight: number; count: number },
): Promise<Measured> {
  const { signal } = new AbortController();
  const body = Buffer.from("[19,23]");
  const times: number[] = [];
  let left = count;
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const from = performance.now();
      const { hop } = await invoke(node.forwarding.invoker, {
        app: node.app,
        function: "add",
        arguments: { format: "json", body },
        id: `bench-${left}`,
        deadline: Date.now() + 5_000,
        signal,
        node: peerId,
      });
      if (hop === undefined) throw new Error("the call stayed here");
      times.push((performance.now() - from) * 1_000);
    }
  };
  const from = performance.now();
  await Promise.all(Array.from({ length: inFlight }, client));
  const perSecond = (count / (performance.now() - from)) * 1_000;
  return { p50Us: percentile(times, 0.5), p99Us: percentile(times, 0.99), perSecond };
}

function choiceNs(): Estimate {
  const work: Work<Candidate> = { units: 5, hereRate: 1, rateAt: () => 1 };
  const local: Here = {
    available: true,
    lightUnits: Number.POSITIVE_INFINITY,
    slots: 2,
    running: 2,
    queued: 20,
    serviceMs: 5,
  };
  const peers = Array.from(
    { length: 9 },
    (_, index): Candidate => ({
      nodeId: `${index}`,
      slots: 2,
      running: index % 4,
      queued: index % 7,
      serviceMs: 5,
      rttMs: 0.2,
      inFlight: 0,
      usable: true,
      lightUnits: Number.POSITIVE_INFINITY,
      errorRate: 0,
      warmth: 1,
    }),
  );
  const count = 200_000;
  const measured: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const from = performance.now();
    for (let index = 0; index < count; index++) choose({ local, peers, work, random: Math.random, bias: 1.25 });
    measured.push(((performance.now() - from) / count) * 1e6);
  }
  return estimateOf(measured);
}
