// Whether somebody is at the machine, or could be, as logind says (org.freedesktop.login1, through loginctl).

import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { hasDisplay } from "./headless.js";

/** What sessions and seats say of the owner; see `Signals`. */
export interface Presence {
  readonly ownerActive: boolean | undefined;
  readonly ownerIdleMs: number | undefined;
  readonly headless: boolean | undefined;
}

/** Nobody says anything. */
export const unknownPresence: Presence = { ownerActive: undefined, ownerIdleMs: undefined, headless: undefined };

/** Nobody is logged in. */
const nobody: Presence = { ownerActive: false, ownerIdleMs: undefined, headless: false };

/**
 * What logind says: the output of a command; `absent` where none runs, undefined when one that runs does not answer.
 */
export type LogindAnswer = string | "absent" | undefined;

/** Asks logind with these arguments of `loginctl`. */
export type AskLogind = (args: readonly string[]) => Promise<LogindAnswer>;

const timeoutMs = 2_000;
const maxOutputBytes = 65_536;
const maxSessions = 32;
/** What sd-login(3) looks at to tell whether logind runs. */
const logindFolder = "/run/systemd/seats";
const fields = ["Class", "State", "Active", "IdleHint", "IdleSinceHint", "LockedHint"];

/** Asks this machine's logind. */
export const askLogind: AskLogind = async (args) => {
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
 * What logind says now; `now` is epoch ms. A machine without a seat, a session and a display is headless: nobody's
 * workstation. One that has a seat, but no display and nobody logged in, has nobody there.
 */
export async function presence(ask: AskLogind, now: number, display = hasDisplay): Promise<Presence> {
  const list = await ask(["list-sessions", "--no-legend", "--no-pager"]);
  if (list === undefined) return unknownPresence;
  const ids = list === "absent" ? [] : namesOf(list);
  if (ids.length > 0) {
    const properties = fields.flatMap((field) => ["--property", field]);
    const shown = await ask(["show-session", "--no-pager", ...properties, ...ids.slice(0, maxSessions)]);
    return shown === undefined ? unknownPresence : presenceOf(shown, now);
  }
  if (await display()) return unknownPresence;
  const seats = list === "absent" ? "" : await ask(["list-seats", "--no-legend", "--no-pager"]);
  if (seats === undefined) return unknownPresence;
  return namesOf(seats).length > 0 ? nobody : { ...unknownPresence, headless: true };
}

/** The first column of a list of `loginctl`. */
function namesOf(list: string): string[] {
  return list.split("\n").flatMap((line) => /^ *([A-Za-z0-9_][A-Za-z0-9_-]{0,63})(?: |$)/.exec(line)?.[1] ?? []);
}

/**
 * What the output of `loginctl show-session` says: blocks of `Name=value` lines. Somebody is there when a person's
 * session in the foreground is neither locked nor idle; nobody is when every one is, or when only the greeter waits for
 * somebody. Without a session there is no signal.
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
    // Microseconds since the epoch; loginctl of some versions prints a date, which then counts as just now.
    const since = /^[1-9][0-9]{0,17}$/.test(value.get("IdleSinceHint") ?? "")
      ? Number(value.get("IdleSinceHint")) / 1_000
      : now;
    idleMs = Math.min(idleMs, Math.max(0, now - since));
  }
  if (sessions === 0) return unknownPresence;
  return { ownerActive: false, ownerIdleMs: Number.isFinite(idleMs) ? idleMs : undefined, headless: false };
}
