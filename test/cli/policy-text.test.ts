// The owner's policy as people read it: what is allowed, and why.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Policy } from "../../src/api/policy.js";
import { policyRows } from "../../src/cli/policy-text.js";
import { defaultOwnerPolicy } from "../../src/core/owner-policy.js";

const signals = {
  onBattery: null,
  celsius: null,
  ownerActive: null,
  ownerIdleMs: null,
  headless: null,
  foreignCpu: 0.1,
  rssBytes: 144_506_880,
  totalBytes: 2 ** 34,
};
const active: Policy = {
  node: "laptop",
  settings: { ...defaultOwnerPolicy },
  state: "active",
  slots: 2,
  idleClass: true,
  lightUnits: 50,
  signals,
  pausedUntil: null,
};

function row(body: Policy, name: string): string | undefined {
  return policyRows(body).find(([first]) => first === name)?.[1];
}

test("each state has its reason", () => {
  assert.equal(row(active, "state"), "active: nothing tells whether the owner is there");
  assert.equal(row({ ...active, signals: { ...signals, ownerActive: true } }, "state"), "active: the owner is there");
  const left = row({ ...active, signals: { ...signals, ownerActive: false, ownerIdleMs: 5_000 } }, "state");
  assert.equal(left, "active: the owner was there less than 120 s ago");
  assert.equal(row({ ...active, state: "paused", pausedUntil: "forever" }, "state"), "paused: until it is resumed");
  const hours = { ...active, state: "hours", settings: { ...defaultOwnerPolicy, hours: "18:00-08:00" } };
  assert.equal(row(hours, "state"), "hours: not within 18:00-08:00");
  assert.equal(row({ ...active, state: "a state of a newer version" }, "state"), "a state of a newer version: -");
});

test("slots that the state does not explain are explained", () => {
  assert.equal(row(active, "slots"), "2");
  const alone = { ...active, idleClass: false, lightUnits: null };
  assert.equal(row(alone, "slots"), "2 (no peer lives: they are for this node's own clients)");
  const crowded = { ...active, slots: 1, signals: { ...signals, foreignCpu: 0.9 } };
  assert.equal(row(crowded, "slots"), "1 (other programs use the cores: halved, one at least)");
});

test("values are shown with their unit, missing signals with the value that they count as", () => {
  assert.equal(row(active, "rssBytes"), "144506880 (138 MiB)");
  assert.equal(row(active, "idleAfterMs"), "120000 (120 s)");
  assert.equal(row(active, "activeShare"), "0.25 (25 %)");
  assert.equal(row(active, "onBattery"), "no signal, counts as plugged in");
  assert.equal(row(active, "ownerActive"), "no signal, counts as there");
});
