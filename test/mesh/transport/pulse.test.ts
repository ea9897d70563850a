// The round-trip time of a link: smoothed, and soon right after a slow beginning.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Pulse } from "../../../src/mesh/transport/pulse.js";

test("the first ping of a busy start does not stand for long, and one slow ping changes little", () => {
  let now = 0;
  let tick = (): void => undefined;
  let token = 0;
  const pulse = new Pulse(
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
    pulse.pong(token);
    now += 1_000;
    tick();
    return pulse.rttMs ?? Number.NaN;
  };
  pulse.start();
  assert.equal(roundTrip(64), 64);
  for (let count = 0; count < 6; count++) roundTrip(0.5);
  assert.ok((pulse.rttMs ?? 0) < 1.6, `${pulse.rttMs} ms after six good ones`);
  assert.ok(roundTrip(40) < 8, "one slow ping");
  pulse.stop();
});
