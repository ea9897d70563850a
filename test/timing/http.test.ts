// How soon a request that is refused is answered, whatever its body does.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { TestNode } from "../harness/tls/test-node.js";
import { chunks, post } from "../security/http-rows.js";
import { exchange, type Place } from "../security/raw-client.js";
import { belowInSomeRound } from "./measure.js";

let node: TestNode;
let place: Place;

before(async () => {
  node = await TestNode.start();
  await node.deploy("calc", undefined, "?public=true");
  place = { port: Number(new URL(node.api.url).port), ca: node.root };
});

after(() => node.stop());

test("no spelling of a coding hangs", async (t) => {
  for (const coding of ["Chunked", "identity", "x", "gzip, chunked", "chunked, chunked", "chunked ;q=1"]) {
    const measure = async (): Promise<number> => {
      const { statuses, ms } = await exchange(place, post(`transfer-encoding: ${coding}\r\n`, chunks));
      assert.deepEqual(statuses, [coding === "Chunked" ? 200 : 400], coding);
      return ms;
    };
    await belowInSomeRound(t, coding, { measure, limit: 1_500 });
  }
});

test("a refusal waits a second for a body that does not come, and no longer", async (t) => {
  for (const [path, status] of [
    ["/v1/tokens", 401],
    ["/nowhere", 404],
    ["/fn/calc/none", 404],
    ["/healthz", 405],
  ] as const) {
    const measure = async (): Promise<number> => {
      const { statuses, ms } = await exchange(place, post("content-length: 7000000\r\n", "0123456789", path));
      assert.deepEqual(statuses, [status], path);
      return ms;
    };
    await belowInSomeRound(t, path, { measure, limit: 1_700 });
  }
});
