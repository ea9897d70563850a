// The presence signal: whether somebody is at the machine, or could be, by logind (org.freedesktop.login1, through
// loginctl).

import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { hasDisplay } from "./headless.js";

/** What sessions and seats show of the owner; see `Signals`. */
export interface Presence {
  readonly ownerActive: boolean | undefined;
  readonly ownerIdleMs: number | undefined;
  readonly headless: boolean | undefined;
}

/** No signal of presence. */
export const unknownPresence: Presence = { ownerActive: undefined, ownerIdleMs: undefined, headless: undefined };

/** Nobody is logged in. */
const nobody: Presence = { ownerActive: false, ownerIdleMs: undefined, headless: false };

/** logind's answer: the output of a command; `absent` where no logind runs; undefined when it does not answer. */
export type LogindAnswer = string | "absent" | undefined;

/** Queries logind with these arguments of `loginctl`. */
export type QueryLogind = (args: readonly string[]) => Promise<LogindAnswer>;

const timeoutMs = 2_000;
const maxOutputBytes = 65_536;
const maxSessions = 32;
/** The folder by which sd-login(3) decides whether logind runs. */
const logindFolder = "/run/systemd/seats";
const fields = ["Class", "State", "Active", "IdleHint", "IdleSinceHint", "LockedHint"];

/** Queries this machine's logind. */
export const queryLogind: QueryLogind = async (args) => {
  const there = await access(logindFolder).then(
    () => true,
    () => false,
  );
  if (!there) return "absent";
  return new Promise((resolve) => {
    const bounds = { timeout: timeoutMs, killSignal: "SIGKILL", maxBuffer: maxOutputBytes } as const;
    const options = { ...bounds, env: { ...process.env, LC_ALL: "C" } };
    execFile("loginctl", [...args], options, (error, stdout) => resolve(error === null ? stdout : undefined));
  });
};

/**
 * The presence now, by logind; `now` is epoch ms. A machine without a seat, a session and a display is headless:
 * nobody's workstation. A machine with a seat, but without a display and a session, has nobody at it.
 */
export async function presence(query: QueryLogind, now: number, display = hasDisplay): Promise<Presence> {
  const list = await query(["list-sessions", "--no-legend", "--no-pager"]);
  if (list === undefined) return unknownPresence;
  const ids = list === "absent" ? [] : namesOf(list);
  if (ids.length > 0) {
    const properties = fields.flatMap((field) => ["--property", field]);
    const shown = await query(["show-session", "--no-pager", ...properties, ...ids.slice(0, maxSessions)]);
    return shown === undefined ? unknownPresence : presenceOf(shown, now);
  }
  if (await display()) return unknownPresence;
  const seats = list === "absent" ? "" : await query(["list-seats", "--no-legend", "--no-pager"]);
  if (seats === undefined) return unknownPresence;
  return namesOf(seats).length > 0 ? nobody : { ...unknownPresence, headless: true };
}

/** The names in the first column of a list by `loginctl`. */
function namesOf(list: string): string[] {
  return list.split("\n").flatMap((line) => /^ *([A-Za-z0-9_][A-Za-z0-9_-]{0,63})(?: |$)/.exec(line)?.[1] ?? []);
}

/**
 * The presence in the output of `loginctl show-session`: blocks of `Name=value` lines. The owner is active when a
 * person's session in the foreground is neither locked nor idle, and away when every session is, or when only the login
 * screen (greeter) runs. Without a session there is no signal.
 */
export function presenceOf(shown: string, now: number): Presence {
  let [sessions, idleMs] = [0, Number.POSITIVE_INFINITY];
  for (const block of shown.split(/\n\s*\n/).slice(0, maxSessions)) {
    const value = new Map<string, string>();
    for (const line of block.split("\n")) {
      const equals = line.indexOf("=");
      if (equals > 0) value.set(line.slice(0, equals).trim(), line.slice(equals + 1).trim());
    }
    const kind = value.get("Class") ?? "";
    if (!/^(user|greeter)/.test(kind) || value.get("State") === "closing") continue;
    sessions += 1;
    if (!kind.startsWith("user") || value.get("Active") !== "yes" || value.get("LockedHint") === "yes") continue;
    if (value.get("IdleHint") !== "yes") return { ownerActive: true, ownerIdleMs: undefined, headless: false };
    // Microseconds since the epoch. Some versions of loginctl print a date, which counts as just now.
    const since = /^[1-9][0-9]{0,17}$/.test(value.get("IdleSinceHint") ?? "")
      ? Number(value.get("IdleSinceHint")) / 1_000
      : now;
    idleMs = Math.min(idleMs, Math.max(0, now - since));
  }
  if (sessions === 0) return unknownPresence;
  return { ownerActive: false, ownerIdleMs: Number.isFinite(idleMs) ? idleMs : undefined, headless: false };
}
