// How long a small call had its worker; test/timing has the longer ones.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { compileGuests, Guest, startSandbox } from "./guests.js";
import { heldUp } from "./held-up.js";

const { spin: component } = await compileGuests("spin");
const { sandbox } = await startSandbox({ workers: 1 });
after(() => sandbox.stop());
const guest = new Guest(sandbox, await sandbox.prepare(component, "spin"));

test("a small call is charged its run alone: it shares its way with others", async () => {
  let charged: Awaited<ReturnType<typeof heldUp>> | undefined;
  // A call that the machine holds up makes the function's mean long for the next ones.
  for (let round = 0; round < 5 && (charged === undefined || charged.serviceMs !== charged.runMs); round++) {
    for (let count = 0; count < 50; count++) await guest.call("add", [1, 2]);
    charged = await heldUp(guest, { name: "add", args: [1, 2] });
  }
  assert.equal(charged?.serviceMs, charged?.runMs);
});
