// The HTTP front against a table of requests from RFC 9110 and RFC 9112: what comes back, and whether the connection
// goes on.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { testDoor } from "../harness/tls/test-door.js";
import { TestNode } from "../harness/tls/test-node.js";
import { call, type Row } from "./http-rows.js";
import { codings, lengths } from "./http-table.js";
import { connections, fields, requestLines } from "./http-table-heads.js";
import { exchange, type Place, play } from "./raw-client.js";

const rows: readonly Row[] = [...lengths, ...codings, ...requestLines, ...fields, ...connections];
const atOnce = 12;

let node: TestNode;
let place: Place;

before(async () => {
  node = await TestNode.start();
  await node.deploy("calc", undefined, "?public=true");
  place = { port: Number(new URL(node.api.url).port), ca: node.root };
});

after(() => node.stop());

test("the table has at least 150 requests, each of another name", () => {
  assert.ok(rows.length >= 150, `${rows.length}`);
  assert.equal(new Set(rows.map(({ name }) => name)).size, rows.length);
});

test("what the front door's parser passes on is answered as the RFCs say; none ends or hangs the node", async (t) => {
  const kind = testDoor;
  const left = [...rows];
  const wrong: string[] = [];
  const parsed: { readonly row: Row; readonly fault: string | undefined }[] = [];
  const worker = async (): Promise<void> => {
    for (let row = left.shift(); row !== undefined; row = left.shift()) {
      const fault = await play(row, place);
      if (row[kind] !== undefined) parsed.push({ row, fault });
      else if (fault !== undefined) wrong.push(`${row.name} (RFC ${row.rfc}): ${fault}`);
      const honest = await exchange(place, call);
      if (honest.statuses[0] !== 200) wrong.push(`${row.name}: the next honest call got ${honest.statuses[0]}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  const ours = rows.length - parsed.length;
  const right = parsed.filter(({ fault }) => fault === undefined).length;
  t.diagnostic(`right: ${ours - wrong.length} of ${ours} requests that the parser leaves to us`);
  t.diagnostic(`right: ${right} of ${parsed.length} that the parser of ${kind} decides`);
  const share = (ours - wrong.length + right) / rows.length;
  if (kind === "node") assert.ok(share >= 0.95, `${share} of the table is right`);
  for (const { row, fault } of parsed) t.diagnostic(`  ${row.name}: ${fault ?? "right"}`);
  assert.deepEqual(wrong, []);
  assert.deepEqual(node.errors, []);
});
