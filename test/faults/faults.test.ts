// A mesh of five under steady load while its nodes are killed, stopped, cut off, filled, starved of descriptors and
// shifted in time.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { call, deploy, until } from "../harness/processes/processes.js";
import { Five, type Name, names } from "./five.js";
import { isApart } from "./namespaces.js";
import { type Ended, SteadyLoad } from "./steady-load.js";

/** What happens to which node, and what ends it. */
interface Fault {
  readonly name: string;
  readonly node: Name;
  readonly lastsMs: number;
  begin(five: Five): Promise<void> | void;
  end(five: Five): Promise<void> | void;
}

function killed(node: Name): Fault {
  const [begin, end] = [(five: Five) => five.node(node).kill(), (five: Five) => five.restart(node)];
  return { name: "killed and started again", node, lastsMs: 3_000, begin, end };
}

function shifted(node: Name, hours: number): Fault {
  const name = `clock ${hours > 0 ? `${hours} h ahead` : `${-hours} h behind`}`;
  const [begin, end] = [(five: Five) => five.shift(node, hours), (five: Five) => five.shift(node, 0)];
  return { name, node, lastsMs: 8_000, begin, end };
}

const faults: readonly Fault[] = [
  killed("east"),
  killed("north"),
  {
    name: "stopped",
    node: "south",
    lastsMs: 8_000,
    begin: (five) => five.node("south").freeze(),
    end: (five) => five.node("south").thaw(),
  },
  {
    name: "cut off",
    node: "west",
    lastsMs: 10_000,
    begin: (five) => five.plug("west", false),
    end: (five) => five.plug("west", true),
  },
  {
    name: "disk full, a master",
    node: "north",
    lastsMs: 10_000,
    begin: (five) => five.fill("north"),
    end: (five) => five.empty("north"),
  },
  {
    name: "disk full",
    node: "mid",
    lastsMs: 10_000,
    begin: (five) => five.fill("mid"),
    end: (five) => five.empty("mid"),
  },
  {
    name: "no descriptors left",
    node: "south",
    lastsMs: 10_000,
    begin: (five) => five.starve("south", 2),
    end: (five) => five.feed("south"),
  },
];

const shifts: readonly Fault[] = [shifted("east", 2), shifted("west", -2), shifted("mid", 48)];

/** A row of the table. */
function rowOf(
  fault: string,
  { calls, node, wholeMs }: { calls: readonly Ended[]; node: string; wholeMs: number },
): string {
  const told = (list: readonly Ended[]): string => {
    const codes = new Map<string, number>();
    for (const { failed } of list) if (failed !== undefined) codes.set(failed, (codes.get(failed) ?? 0) + 1);
    return [`${list.length} calls`, ...[...codes].map(([code, count]) => `${count} ${code}`)].join(", ");
  };
  const there = calls.filter((one) => one.node === node);
  const elsewhere = calls.filter((one) => one.node !== node);
  const slowestMs = Math.max(0, ...elsewhere.map(({ ms }) => ms));
  const times = `slowest elsewhere ${Math.round(slowestMs)} ms, whole again after ${Math.round(wholeMs)} ms`;
  return `${fault} (${node}): there ${told(there)}; elsewhere ${told(elsewhere)}; ${times}`;
}

test("faults under steady load: no acknowledged deploy is lost, no answer is wrong, and the mesh is whole again", {
  skip: !isApart() && "npm run test:faults runs it in namespaces of its own",
  timeout: 1_500_000,
}, async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "herd-faults-"));
  context.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }).catch(() => undefined));
  const five = await Five.start(folder);
  context.after(() => five.stop());
  const { token, founder } = five;
  const text = "export function twice(n: i32): i32 { return 2 * n; }";
  await deploy(founder, { app: "steady", text, token });
  for (const name of names) {
    await until(`${name} has the app`, async () => {
      const { text: answer } = await call(five.node(name), { path: "steady/twice", body: "[21]", token });
      return answer === "42";
    });
  }
  const nodes = names.map((name) => ({ name, url: five.node(name).ready.url }));
  const load = new SteadyLoad({ nodes, token, ca: founder.ca });
  context.after(() => load.end());
  const rows: string[] = [];
  const canShift = process.env.HERD_FAKETIME !== undefined;
  if (!canShift) context.diagnostic("no clock was shifted: there is no libfaketime (Debian's package faketime)");
  for (const { name, node, lastsMs, begin, end } of [...faults, ...(canShift ? shifts : [])]) {
    const from = load.calls.length;
    await begin(five);
    await sleep(lastsMs);
    await end(five);
    const wholeMs = await five.whole();
    const row = rowOf(name, { calls: load.calls.slice(from), node, wholeMs });
    rows.push(row);
    context.diagnostic(row);
  }
  await load.end();
  const refused = load.deploys.filter(({ failed }) => failed !== undefined);
  const codes = [...new Set(refused.map(({ failed }) => failed))].join(", ");
  context.diagnostic(
    `${load.acknowledged.length} deploys acknowledged, ${refused.length} not (${codes || "none"}); ` +
      `${load.calls.length} calls, ${load.wrong.length} wrong`,
  );
  assert.deepEqual(load.wrong, []);
  assert.ok(load.acknowledged.length >= faults.length, "too few deploys to lose one");
  for (const { app, revision, answer } of load.acknowledged) {
    for (const node of nodes) {
      await until(`${node.name} has ${app}`, async () => {
        const options = { method: "POST", body: "[]", headers: { "content-type": "application/json" } } as const;
        const reply = await load.client(node).send(`/fn/${app}/which`, options);
        assert.equal(reply.headers["herd-revision"], revision);
        return reply.text === String(answer);
      });
    }
  }
});
