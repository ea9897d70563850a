// The policy of a node for people: what guests may use, why, and in which units.

import type { Policy } from "../api/policy.js";

/** The rows of `herd node policy`. */
export function policyRows(body: Policy): string[][] {
  const { state, slots, idleClass, lightUnits, settings, signals } = body;
  return [
    ["NOW", ""],
    ["state", `${state}: ${reasonOf(body)}`],
    ["slots", `${slots}${limitOf(body)}`],
    ["idle class", idleClass ? "yes: guests run when nobody else wants the core" : "no"],
    ["heaviest call", lightUnits === null ? "any" : `${lightUnits} units (ms of the reference machine)`],
    ["SETTING", ""],
    ...Object.entries(settings).map(([name, value]) => [name, withUnit(name, value)]),
    ["SIGNAL", ""],
    ...Object.entries(signals).map(([name, value]) => [name, value === null ? absent(name) : withUnit(name, value)]),
  ];
}

function reasonOf({ state, pausedUntil, settings, signals }: Policy): string {
  if (state === "active") {
    if (signals.ownerActive === true) return "the owner is there";
    return signals.ownerActive === false
      ? `the owner was there less than ${rounded(Number(settings.idleAfterMs) / 1_000)} s ago`
      : "nothing tells whether the owner is there";
  }
  if (state === "none" && settings.owner !== "none")
    return "nobody can sit at it: no seat, no display manager, no session";
  if (state === "paused") return pausedUntil === "forever" ? "until it is resumed" : `until ${pausedUntil}`;
  if (state === "hours") return `not within ${String(settings.hours)}`;
  return reasons[state] ?? "-";
}

const reasons: Readonly<Record<string, string>> = {
  none: "the machine is nobody's workstation",
  idle: "the owner is away",
  battery: "the machine runs on its battery",
  hot: "the CPU is too hot",
  memory: "the node holds too much memory",
};

/** Why there are so many slots, where the state alone does not say it. */
function limitOf({ state, slots, idleClass, settings, signals }: Policy): string {
  if (state === "none" || state === "paused") return "";
  // A node that is alone is the only one in another class than its state has.
  if (state !== "idle" && !idleClass) return " (no peer lives: they are for this node's own clients)";
  const { foreignCpu } = signals;
  const crowded = typeof foreignCpu === "number" && foreignCpu > Number(settings.foreignCpu);
  return slots > 0 && crowded ? " (other programs use the cores: halved, one at least)" : "";
}

/** What a signal that is missing counts as. */
function absent(name: string): string {
  if (name === "onBattery") return "no signal, counts as plugged in";
  if (name === "celsius") return "no signal, counts as cool";
  return name === "ownerActive" ? "no signal, counts as there" : "-";
}

/** A value in the unit that its name says; three digits behind the point say more than sixteen. */
function withUnit(name: string, value: unknown): string {
  if (typeof value !== "number") return String(value);
  if (name.endsWith("Ms")) return `${value} (${rounded(value / 1_000)} s)`;
  if (name.endsWith("Bytes")) return `${value} (${Math.round(value / 2 ** 20)} MiB)`;
  if (name === "foreignCpu" || name.endsWith("Share")) return `${rounded(value)} (${Math.round(value * 100)} %)`;
  return String(rounded(value));
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
