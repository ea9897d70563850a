// Whether somebody is at the machine, as logind says (org.freedesktop.login1, through loginctl).

import { execFile } from "node:child_process";
import { access } from "node:fs/promises";

/** What sessions say of the owner; see `Signals`. */
export interface Presence {
  readonly ownerActive: boolean | undefined;
  readonly ownerIdleMs: number | undefined;
}

/** Nobody says anything. */
export const unknownPresence: Presence = { ownerActive: undefined, ownerIdleMs: undefined };

/** Asks logind: the output of `loginctl` with these arguments, undefined without an answer. */
export type AskLogind = (args: readonly string[]) => Promise<string | undefined>;

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
  if (!there) return undefined;
  return new Promise((resolve) => {
    const bounds = { timeout: timeoutMs, killSignal: "SIGKILL", maxBuffer: maxOutputBytes } as const;
    const options = { ...bounds, env: { ...process.env, LC_ALL: "C" } };
    execFile("loginctl", [...args], options, (error, stdout) => resolve(error === null ? stdout : undefined));
  });
};

/** What the sessions of now say; `now` is epoch ms. */
export async function presence(ask: AskLogind, now: number): Promise<Presence> {
  const list = await ask(["list-sessions", "--no-legend", "--no-pager"]);
  const ids = (list ?? "").split("\n").flatMap((line) => /^ *([A-Za-z0-9_]{1,32})(?: |$)/.exec(line)?.[1] ?? []);
  if (ids.length === 0) return unknownPresence;
  const properties = fields.flatMap((field) => ["--property", field]);
  const shown = await ask(["show-session", "--no-pager", ...properties, ...ids.slice(0, maxSessions)]);
  return shown === undefined ? unknownPresence : presenceOf(shown, now);
}

/**
 * What the output of `loginctl show-session` says: blocks of `Name=value` lines. Somebody is there when a person's session in the
 * foreground is neither locked nor idle; nobody is when every one is, or when only the greeter waits for somebody. Without a
 * session there is no signal.
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
    if (value.get("IdleHint") !== "yes") return { ownerActive: true, ownerIdleMs: undefined };
    // Microseconds since the epoch; loginctl of some versions prints a date, which then counts as just now.
    const since = /^[1-9][0-9]{0,17}$/.test(value.get("IdleSinceHint") ?? "")
      ? Number(value.get("IdleSinceHint")) / 1_000
      : now;
    idleMs = Math.min(idleMs, Math.max(0, now - since));
  }
  if (sessions === 0) return unknownPresence;
  return { ownerActive: false, ownerIdleMs: Number.isFinite(idleMs) ? idleMs : undefined };
}
