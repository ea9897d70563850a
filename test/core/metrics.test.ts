// Metrics as a Prometheus server reads them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Histogram, secondsBuckets } from "../../src/core/histogram.js";
import { Metrics } from "../../src/core/metrics.js";

test("counters, gauges and histograms read as exposition format 0.0.4", () => {
  const metrics = new Metrics();
  const calls = metrics.counters({ name: "herd_calls_total", help: "Calls.", labels: ["app", "outcome"] });
  calls.with("hello", "ok").add();
  calls.with("hello", "ok").add(2);
  calls.with("hello", "trapped").add();
  metrics.counter({ name: "herd_starts_total", help: "Starts." }).add();
  metrics.gauge({ name: "herd_queue", help: "Waiting." }, () => 4);
  metrics.total({ name: "herd_seen_total", help: "Seen.", labels: ["outcome"] }, () => [[["new"], 2]]);
  metrics.gauge({ name: "herd_slots", help: "Slots.", labels: ["kind"] }, () => [[["free"], 1]]);
  const run = metrics.histogram({ name: "herd_run_seconds", help: "Time.", buckets: [0.1, 1] });
  for (const value of [0.05, 0.1, 0.5, 7]) run.observe(value);
  assert.equal(
    metrics.text(),
    `# HELP herd_calls_total Calls.
# TYPE herd_calls_total counter
herd_calls_total{app="hello",outcome="ok"} 3
herd_calls_total{app="hello",outcome="trapped"} 1
# HELP herd_starts_total Starts.
# TYPE herd_starts_total counter
herd_starts_total 1
# HELP herd_queue Waiting.
# TYPE herd_queue gauge
herd_queue 4
# HELP herd_seen_total Seen.
# TYPE herd_seen_total counter
herd_seen_total{outcome="new"} 2
# HELP herd_slots Slots.
# TYPE herd_slots gauge
herd_slots{kind="free"} 1
# HELP herd_run_seconds Time.
# TYPE herd_run_seconds histogram
herd_run_seconds_bucket{le="0.1"} 2
herd_run_seconds_bucket{le="1"} 3
herd_run_seconds_bucket{le="+Inf"} 4
herd_run_seconds_sum 7.65
herd_run_seconds_count 4
`,
  );
});

test("label values are escaped", () => {
  const metrics = new Metrics();
  metrics
    .counters({ name: "a", help: "back\\slash\nline", labels: ["x"] })
    .with('q"\\\n')
    .add();
  assert.equal(metrics.text(), '# HELP a back\\\\slash\\nline\n# TYPE a counter\na{x="q\\"\\\\\\n"} 1\n');
});

test("the series of a removed app are forgotten", () => {
  const metrics = new Metrics();
  const calls = metrics.counters({ name: "a", help: "A.", labels: ["app", "outcome"] });
  calls.with("gone", "ok").add();
  calls.with("gone", "trapped").add();
  calls.with("stays", "ok").add();
  calls.remove("gone");
  assert.deepEqual(
    [...calls.entries()].map(({ labels }) => labels[0]),
    ["stays"],
  );
});

test("a mistake in a metric's declaration is told at once", () => {
  const metrics = new Metrics();
  metrics.counter({ name: "a", help: "" });
  assert.throws(() => metrics.counter({ name: "a", help: "" }), /registered twice/);
  assert.throws(() => metrics.counter({ name: "a b", help: "" }), /not a metric name/);
  assert.throws(() => metrics.counters({ name: "b", help: "", labels: ["x"] }).with(), /expected 1 label/);
  assert.throws(() => new Histogram({ buckets: [1, 1] }), /must rise/);
});

test("a histogram counts each value in the first bucket that holds it, and no NaN", () => {
  const histogram = new Histogram({ buckets: secondsBuckets });
  for (const bound of secondsBuckets) histogram.observe(bound);
  histogram.observe(Number.NaN);
  histogram.observe(Number.POSITIVE_INFINITY);
  assert.deepEqual(
    histogram.cumulative().map(([, count]) => count),
    Array.from({ length: secondsBuckets.length + 1 }, (_, index) => index + 1),
  );
});
