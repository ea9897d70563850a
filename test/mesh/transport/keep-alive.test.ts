// The smoothed round-trip time of a link: soon right after a slow beginning.
import assert from "node:assert/strict";
import { test } from "node:test";
import { KeepAlive } from "../../../src/mesh/transport/keep-alive.js";

test("a slow first ping is soon forgotten, and one slow ping later changes little", () => {
  let now = 0;
  let tick = (): void => undefined;
  let token = 0;
  const keepAlive = new KeepAlive(
    { queuedBytes: 0, receivedBytes: 0 },
    {
      clock: { now: () => now, monotonic: () => now },
      timers: {
        after: (_ms, run) => {
          tick = run;
          return () => undefined;
        },
      },
      random: () => 0.5,
      limits: { pingIntervalMs: 1_000, silenceMs: 60_000 },
      ping: (sent) => {
        token = sent;
      },
      gone: assert.fail,
    },
  );
  const roundTrip = (ms: number): number => {
    now += ms;
    keepAlive.pong(token);
    now += 1_000;
    tick();
    return keepAlive.rttMs ?? Number.NaN;
  };
  keepAlive.start();
  assert.equal(roundTrip(64), 64);
  for (let count = 0; count < 6; count++) roundTrip(0.5);
  assert.ok((keepAlive.rttMs ?? 0) < 1.6, `${keepAlive.rttMs} ms after six good ones`);
  assert.ok(roundTrip(40) < 8, "one slow ping");
  keepAlive.stop();
});
