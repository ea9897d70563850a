// Half-sent bodies hold no more memory than the node allows them all together.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { answerOf, TestNode } from "../../harness/tls/test-node.js";

test("large bodies without end are refused beyond the budget, and count until their clients are gone", async () => {
  const node = await TestNode.start({ limits: { queueBytes: 400_000 } });
  await node.deploy("calc");
  const half = () => {
    const call = node.open("/fn/calc/echo", { method: "POST", headers: { "content-length": "150000" } });
    call.on("error", () => undefined);
    call.write("[");
    return call;
  };
  const held = [half(), half()];
  for (let tries = 0; node.api.inFlight.size !== 2 && tries < 5_000; tries++) await sleep(5);
  const ask = () => {
    const call = node.open("/fn/calc/echo", { method: "POST", headers: { "content-length": "150000" } });
    const answer = answerOf(call);
    call.end(`[${"1,".repeat(74_998)}10]`);
    return answer;
  };
  const refused = await ask();
  assert.equal(refused.status, 503);
  assert.equal(refused.problem().code, "node.overloaded");
  for (const call of held) call.destroy();
  for (let tries = 0; node.api.inFlight.size !== 0 && tries < 5_000; tries++) await sleep(5);
  assert.equal((await ask()).status, 200);
  await node.stop();
});
