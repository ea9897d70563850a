// An experiment in one click: the same call many times, with the time of each call and the node that answered it.

import { useEffect, useId, useRef, useState } from "preact/hooks";
import { countText, msText, rateText } from "../parts/format.ts";
import { text } from "../text.ts";
import { type Callee, type CallResult, callFunction } from "./calls.ts";
import { Histogram } from "./histogram.tsx";

/** Calls under way. A browser opens six connections to a node, of which the stream of events holds one. */
const mostAtOnce = 5;
const mostCalls = 100_000;
const drawEveryMs = 100;

interface Run {
  readonly wanted: number;
  readonly began: number;
  readonly endedAt: number | undefined;
  readonly times: readonly number[];
  readonly byNode: ReadonlyMap<string, number>;
  readonly byError: ReadonlyMap<string, number>;
}

/** Makes a call many times and shows the progress and the results. */
export function RunMany({ callee, body }: { readonly callee: Callee; readonly body: unknown }) {
  const [wanted, setWanted] = useState("500");
  const [atOnce, setAtOnce] = useState(mostAtOnce);
  const [run, setRun] = useState<Run>();
  const stop = useRef<AbortController | undefined>(undefined);
  const id = useId();
  useEffect(() => () => stop.current?.abort(), []);
  const busy = run !== undefined && run.endedAt === undefined;
  const count = Math.min(mostCalls, Math.max(1, Math.floor(Number(wanted)) || 1));
  const start = async (): Promise<void> => {
    const controller = new AbortController();
    stop.current = controller;
    await runMany({ callee, body, count, atOnce, signal: controller.signal, onChange: setRun });
  };
  return (
    <div class="many">
      <h2>{text.many.title}</h2>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) void start();
        }}
      >
        <label for={`${id}-count`}>{text.many.calls}</label>
        <input
          id={`${id}-count`}
          class="numeric"
          inputmode="numeric"
          size={7}
          value={wanted}
          onInput={(event) => setWanted(event.currentTarget.value)}
        />
        <label for={`${id}-once`}>{text.many.atOnce}</label>
        <select
          id={`${id}-once`}
          value={String(atOnce)}
          onChange={(event) => setAtOnce(Number(event.currentTarget.value))}
        >
          {Array.from({ length: mostAtOnce }, (_, index) => (
            <option key={index + 1} value={String(index + 1)}>
              {index + 1}
            </option>
          ))}
        </select>
        {busy ? (
          <button type="button" onClick={() => stop.current?.abort()}>
            {text.many.stop}
          </button>
        ) : (
          <button type="submit" class="primary">
            {text.many.run(count)}
          </button>
        )}
      </form>
      {run === undefined ? <p class="quiet">{text.many.explained(mostAtOnce)}</p> : <Outcome run={run} />}
    </div>
  );
}

/** Keeps `atOnce` calls under way until `count` were made; reports its progress ten times a second. */
async function runMany({
  callee,
  body,
  count,
  atOnce,
  signal,
  onChange,
}: {
  readonly callee: Callee;
  readonly body: unknown;
  readonly count: number;
  readonly atOnce: number;
  readonly signal: AbortSignal;
  readonly onChange: (run: Run) => void;
}): Promise<void> {
  const began = performance.now();
  const times: number[] = [];
  const byNode = new Map<string, number>();
  const byError = new Map<string, number>();
  let sent = 0;
  const report = (endedAt?: number): void => onChange({ wanted: count, began, endedAt, times, byNode, byError });
  const one = (result: CallResult): void => {
    if (result.problem !== undefined) add(byError, result.problem.document.code);
    else times.push(result.totalMs);
    if (result.node !== "") add(byNode, result.node);
  };
  const lane = async (): Promise<void> => {
    while (sent < count && !signal.aborted) {
      sent++;
      one(await callFunction(callee, { body, signal }));
    }
  };
  report();
  const timer = setInterval(report, drawEveryMs);
  try {
    await Promise.all(Array.from({ length: Math.min(atOnce, count) }, lane));
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    clearInterval(timer);
    report(performance.now());
  }
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function Outcome({ run }: { readonly run: Run }) {
  const { times, byNode, byError, wanted, began, endedAt } = run;
  const failed = [...byError.values()].reduce((sum, count) => sum + count, 0);
  const done = times.length + failed;
  const seconds = ((endedAt ?? performance.now()) - began) / 1_000;
  const sorted = [...times].sort((a, b) => a - b);
  const quantile = (share: number): number | undefined =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return (
    <>
      <progress class="wide" max={wanted} value={done} aria-label={text.many.progress} />
      <p role="status" class="summary">
        {endedAt === undefined ? text.many.under(done, wanted) : text.many.done(done, wanted)}
        {failed > 0 && <span class="bad"> {text.many.failed(failed)}</span>}
      </p>
      <dl class="facts timing">
        {[
          [text.many.rate, seconds > 0 ? rateText(done / seconds) : "–"],
          ["p50", msText(quantile(0.5))],
          ["p90", msText(quantile(0.9))],
          ["p99", msText(quantile(0.99))],
          [text.many.slowest, msText(sorted.at(-1))],
        ].map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <h3>{text.many.latency}</h3>
      <Histogram values={sorted} />
      <h3>{text.many.nodes}</h3>
      <ul class="shares">
        {[...byNode].sort(byName).map(([node, count]) => (
          <li key={node}>
            <span class="name">{node}</span>
            <span class="bar">
              <span style={{ width: `${(100 * count) / Math.max(1, done)}%` }} />
            </span>
            <span class="number">{text.many.share(countText(count), (100 * count) / Math.max(1, done))}</span>
          </li>
        ))}
      </ul>
      {byError.size > 0 && (
        <ul class="errors">
          {[...byError].map(([code, count]) => (
            <li key={code}>
              <code class="bad">{code}</code> {countText(count)}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function byName([left]: readonly [string, number], [right]: readonly [string, number]): number {
  return left.localeCompare(right, "en");
}
