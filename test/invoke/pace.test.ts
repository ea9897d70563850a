// Work and pace: what a run teaches about its function and its node, how fast that is learned and forgotten, and which
// estimates peers receive.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FunctionWork } from "../../src/invoke/learning/function-work.js";
import { WorkTable } from "../../src/invoke/learning/work-table.js";
import { Pace } from "../../src/invoke/routing/pace.js";
import { Speed } from "../../src/invoke/routing/speed.js";
import { seeded } from "../harness/virtual/virtual-time.js";

const name = { revision: "0123456789ab", name: "f" };

function near(actual: number | undefined, expected: number, what = ""): void {
  const far = Math.abs((actual ?? Number.NaN) / expected - 1);
  assert.ok(far < 0.1, `${what} ${actual} instead of ${expected}`);
}

/** A speed of so many units per millisecond. */
function speedOf(rate: number): Speed {
  const speed = new Speed(0);
  speed.capacityRate = rate;
  speed.refresh(0);
  return speed;
}

/** Runs of so many milliseconds each, `everyMs` apart. */
function run(
  pace: Pace,
  { from, ms, everyMs, observedMs }: { from: number; ms: number; everyMs: number; observedMs: number },
) {
  for (let now = from; now < from + ms; now += everyMs) pace.add({ runs: 1, expectedMs: 1, observedMs }, now);
  return from + ms;
}

test("a pace follows a slow-down and a recovery within a second, and is forgotten in seconds without calls", () => {
  const pace = new Pace(0);
  let now = run(pace, { from: 0, ms: 5_000, everyMs: 5, observedMs: 1 });
  near(pace.at(now), 1);
  now = run(pace, { from: now, ms: 500, everyMs: 5, observedMs: 4 });
  assert.ok(pace.at(now) < 0.45, `${pace.at(now)} after half a second`);
  now = run(pace, { from: now, ms: 2_000, everyMs: 5, observedMs: 4 });
  near(pace.at(now), 0.26);
  const slow = now;
  assert.ok(pace.at(slow + 2_000) < 0.45, "two seconds later it still counts");
  assert.ok(pace.at(slow + 30_000) > 0.9, "half a minute later it does not");
  now = run(pace, { from: slow + 30_000, ms: 3_000, everyMs: 5, observedMs: 1 });
  near(pace.at(now), 1);
});

test("a pace stays within its bounds, follows few calls too, and one long pause of the machine is no pace", () => {
  const pace = new Pace(0);
  assert.equal(pace.at(10), 1);
  let now = run(pace, { from: 0, ms: 5_000, everyMs: 5, observedMs: 1_000 });
  near(pace.at(now), 1 / 32);
  now = run(pace, { from: now, ms: 20_000, everyMs: 5, observedMs: 0.01 });
  assert.equal(pace.at(now), 4);
  const few = new Pace(0);
  now = run(few, { from: 0, ms: 10_000, everyMs: 200, observedMs: 4 });
  assert.ok(few.at(now) < 0.45, `${few.at(now)} of five calls a second`);
  const [here, work] = [speedOf(1), new FunctionWork(name, speedOf(1))];
  for (now = 0; now < 1_000; now += 1) work.observe({ speed: here, serviceMs: now === 990 ? 500 : 0.005, now });
  here.refresh(now);
  assert.ok(here.pace > 0.6, `${here.pace} after one pause of half a second`);
});

test("a pause of the processor in a few calls counts by its share of the time, as under a quota", () => {
  const pace = new Pace(0);
  for (let now = 0, index = 0; now < 5_000; now += 4, index++) {
    pace.add({ runs: 1, expectedMs: 1, observedMs: index % 25 === 0 ? 76 : 1 }, now);
  }
  near(pace.at(5_000), 0.25);
});

test("a function's work is its run time times the rate of the node that ran it, whichever node that is", () => {
  const [here, twice, half] = [speedOf(1), speedOf(2), speedOf(0.5)];
  const work = new FunctionWork(name, here);
  assert.equal(work.units, undefined);
  work.observe({ speed: here, serviceMs: 10, now: 0 });
  assert.equal(work.units, 10);
  for (let now = 0; now < 1_000; now += 10) {
    work.observe({ speed: twice, serviceMs: 5, now });
    work.observe({ speed: half, serviceMs: 20, now });
  }
  near(work.units, 10);
  for (const speed of [here, twice, half]) speed.refresh(1_000);
  for (const speed of [here, twice, half]) near(speed.pace, 1);
  work.observeAtLeast({ speed: here, serviceMs: 5, now: 1_000 });
  assert.equal(work.samples, 201, "that says nothing new");
});

test("a node that becomes slow shows in its pace, while its functions' work stays", () => {
  const random = seeded(7);
  const speeds = [speedOf(1), speedOf(2), speedOf(4)];
  const [here = speedOf(1), , slow = here] = speeds;
  const work = new FunctionWork(name, here);
  let now = 0;
  const go = (ms: number, slowdown: number): void => {
    for (const end = now + ms; now < end; now += 2) {
      const speed = speeds[Math.floor(random() * 3)] ?? here;
      const serviceMs = (10 / speed.capacityRate) * (0.5 + random()) * (speed === slow ? slowdown : 1);
      work.observe({ speed, serviceMs, now });
      for (const each of speeds) each.refresh(now);
    }
  };
  go(5_000, 1);
  near(work.units, 10);
  go(2_000, 4);
  assert.ok((work.units ?? 0) < 14, `${work.units} units`);
  assert.ok(work.rateAt({ speed: slow }) < 0.35 * 4, `rate ${work.rateAt({ speed: slow })}`);
  assert.ok(work.hereRate > 0.8 && work.hereRate < 1.25, `rate ${work.hereRate}`);
  go(3_000, 1);
  assert.ok(work.rateAt({ speed: slow }) > 0.75 * 4, `rate ${work.rateAt({ speed: slow })} after it recovered`);
});

test("a node that is good at one function and bad at another has a rate for each", () => {
  const [here, other] = [speedOf(1), speedOf(1)];
  const [good, bad] = [new FunctionWork(name, here), new FunctionWork({ ...name, name: "g" }, here)];
  for (let now = 0; now < 20_000; now += 5) {
    for (const work of [good, bad]) work.observe({ speed: here, serviceMs: 10, now });
    good.observe({ speed: other, serviceMs: 5, now });
    bad.observe({ speed: other, serviceMs: 20, now });
    for (const speed of [here, other]) speed.refresh(now);
  }
  near((good.units ?? 0) / good.rateAt({ speed: other }), 5, "good at it");
  near((bad.units ?? 0) / bad.rateAt({ speed: other }), 20, "bad at it");
  for (const work of [good, bad]) near((work.units ?? 0) / work.hereRate, 10, "here");
});

test("a node that is slow at all that it runs has a slow pace, however long it is", () => {
  const [here, other] = [speedOf(1), speedOf(1)];
  const [one, two] = [new FunctionWork(name, here), new FunctionWork({ ...name, name: "g" }, here)];
  for (let now = 0; now < 60_000; now += 50) {
    for (const work of [one, two]) {
      for (let runs = 0; runs < 4; runs++) work.observe({ speed: here, serviceMs: 10, now });
      work.observe({ speed: other, serviceMs: 40, now });
    }
    for (const speed of [here, other]) speed.refresh(now);
  }
  near(here.pace / other.pace, 4, "their paces");
  for (const work of [one, two]) near(work.hereRate / work.rateAt({ speed: other }), 4, "their rates");
});

test("peers' estimates count until eight own runs", () => {
  const here = speedOf(1);
  const work = new FunctionWork(name, here);
  work.addEstimate({ units: 40, samples: 100, by: "b" });
  work.addEstimate({ units: 90, samples: 3, by: "c" });
  assert.equal(work.units, 40, "another one that knows less does not count");
  work.addEstimate({ units: 44, samples: 5, by: "b" });
  assert.equal(work.units, 44, "what it says later does");
  for (let runs = 0; runs < 7; runs++) work.observe({ speed: here, serviceMs: 20, now: runs });
  assert.equal(work.units, 44);
  work.observe({ speed: here, serviceMs: 20, now: 8 });
  assert.equal(work.units, 20);
});

test("one peer's invented estimate does not count beside two others", () => {
  for (const units of [1e-6, 1e9]) {
    const work = new FunctionWork(name, speedOf(1));
    work.addEstimate({ units: 40, samples: 8, by: "b" });
    for (let round = 0; round < 10; round++) work.addEstimate({ units, samples: 1e9, by: "liar" });
    work.addEstimate({ units: 44, samples: 500, by: "c" });
    work.addEstimate({ units, samples: 1e9, by: "liar" });
    assert.ok((work.units ?? 0) >= 40 && (work.units ?? 0) <= 44, `${work.units} units`);
  }
});

test("a peer that sends ever more estimates evicts none of other peers, and no function that ran here", () => {
  const here = speedOf(1);
  const table = new WorkTable(here, 80);
  const names = Array.from({ length: 20 }, (_, index) => `f${index}`);
  for (const name of names) {
    table.of("aaaaaaaaaaaa", name).observe({ speed: here, serviceMs: 10, now: 0 });
    table.addEstimate({ revision: "bbbbbbbbbbbb", name }, { units: 7, samples: 1, by: "honest" });
  }
  for (let index = 0; index < 5_000; index++) {
    table.addEstimate({ revision: "cccccccccccc", name: `${index}` }, { units: 1, samples: 1e9, by: "liar" });
  }
  assert.ok(table.size <= 80, `${table.size}`);
  const told = names.filter((name) => table.of("bbbbbbbbbbbb", name).units === 7).length;
  assert.deepEqual([names.filter((name) => table.of("aaaaaaaaaaaa", name).units === 10).length, told], [20, 10]);
});

test("the table is bounded: it evicts functions not called for long, and drops a revision's functions", () => {
  const table = new WorkTable(speedOf(1), 10);
  const own = table.of("aaaaaaaaaaaa", "own");
  for (let index = 0; index < 100; index++) {
    table.addEstimate({ revision: "bbbbbbbbbbbb", name: `f${index}` }, { units: 1, samples: 1, by: `peer ${index}` });
    if (index % 5 === 0) table.of("aaaaaaaaaaaa", "own");
  }
  assert.equal(table.size, 10);
  assert.equal(table.of("aaaaaaaaaaaa", "own"), own);
  table.drop("bbbbbbbbbbbb");
  assert.equal(table.size, 1);
  table.drop("aaaaaaaaaaaa");
  assert.notEqual(table.of("aaaaaaaaaaaa", "own"), own);
});
