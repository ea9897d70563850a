// The signals: from folders that look like the kernel's, from outputs of logind, and from this machine's own files.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../src/core/clock.js";
import { CpuUse } from "../../src/owner/cpu-use.js";
import { hasDisplay } from "../../src/owner/headless.js";
import { MachineSignals } from "../../src/owner/machine-signals.js";
import { PowerSupplies } from "../../src/owner/power.js";
import { type LogindAnswer, presence, presenceOf, type QueryLogind } from "../../src/owner/presence.js";
import { Temperature } from "../../src/owner/temperature.js";
import { ManualClock } from "../harness/virtual/manual-clock.js";

/** A folder with these files; more may be written later. */
async function machine(t: TestContext): Promise<{ root: string; write(files: Record<string, string>): Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), "herd-machine-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  const write = async (files: Record<string, string>): Promise<void> => {
    for (const [name, text] of Object.entries(files)) {
      const path = join(root, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, `${text}\n`);
    }
  };
  return { root, write };
}

test("the machine is on battery when its mains are offline or its battery discharges without them", async (t) => {
  const ac = (online: string) => ({ "AC/type": "Mains", "AC/online": online });
  const battery = (status: string) => ({ "BAT0/type": "Battery", "BAT0/status": status });
  const usb = (online: string) => ({ "ucsi/type": "USB", "ucsi/online": online });
  const mouse = { "mouse/type": "Battery", "mouse/scope": "Device", "mouse/status": "Discharging" };
  const table: readonly (readonly [boolean | undefined, Record<string, string>])[] = [
    [undefined, {}],
    [false, ac("1")],
    [true, ac("0")],
    [true, { ...ac("0"), ...battery("Full") }],
    [true, battery("Discharging")],
    [false, battery("Charging")],
    [false, battery("Not charging")],
    [undefined, battery("Unknown")],
    // A weak charger: the battery discharges although the mains are online.
    [false, { ...ac("1"), ...battery("Discharging") }],
    [false, { ...battery("Discharging"), ...usb("1") }],
    [true, { ...battery("Discharging"), ...usb("0") }],
    [false, { ...usb("3"), ...ac("0") }],
    [undefined, usb("0")],
    [undefined, mouse],
    [false, { ...mouse, ...ac("1") }],
    [true, { "ups/type": "UPS", "ups/status": "Discharging" }],
    [undefined, { "AC/type": "Mains", "AC/online": "what?" }],
    [undefined, { "AC/online": "0" }],
  ];
  for (const [expected, files] of table) {
    const { root, write } = await machine(t);
    for (const [name, text] of Object.entries(files)) await write({ [`class/power_supply/${name}`]: text });
    assert.equal(await new PowerSupplies(root).onBattery(), expected, JSON.stringify(files));
  }
});

test("unplugging is seen at the next sample, also of a supply that was added later", async (t) => {
  const { root, write } = await machine(t);
  const supplies = new PowerSupplies(root);
  assert.equal(await supplies.onBattery(), undefined);
  await write({ "class/power_supply/AC/type": "Mains", "class/power_supply/AC/online": "1" });
  assert.equal(await supplies.onBattery(), false);
  await write({ "class/power_supply/AC/online": "0" });
  assert.equal(await supplies.onBattery(), true);
  await rm(join(root, "class/power_supply"), { recursive: true });
  assert.equal(await supplies.onBattery(), undefined);
});

test("the temperature is the highest of the CPU's own zones, else of its chip, else of the board", async (t) => {
  const { root, write } = await machine(t);
  const zone = (index: number, type: string, temp: string) => ({
    [`class/thermal/thermal_zone${index}/type`]: type,
    [`class/thermal/thermal_zone${index}/temp`]: temp,
  });
  const celsius = (): Promise<number | undefined> => new Temperature(root).celsius();
  assert.equal(await celsius(), undefined);
  await write(zone(0, "iwlwifi_1", "99000"));
  assert.equal(await celsius(), undefined);
  await write(zone(1, "acpitz", "27800"));
  assert.equal(await celsius(), 27.8);
  await write({ "class/hwmon/hwmon3/name": "k10temp", "class/hwmon/hwmon3/temp1_input": "55125" });
  assert.equal(await celsius(), 55.125);
  await write({ ...zone(2, "x86_pkg_temp", "61000"), ...zone(3, "cpu-1-thermal", "64000") });
  assert.equal(await celsius(), 64);
  // Impossible values of broken sensors are ignored.
  await write(zone(3, "cpu-1-thermal", "-274000"));
  assert.equal(await celsius(), 61);
  await write(zone(2, "x86_pkg_temp", "many"));
  assert.equal(await celsius(), undefined);
});

test("other programs' CPU use is the machine's less that of this process and its children", async (t) => {
  const { root, write } = await machine(t);
  const use = new CpuUse(root, 7);
  const stat = (...ticks: number[]) => `cpu  ${ticks.join(" ")}\ncpu0 1 2 3`;
  const own = (...ticks: number[]) => `7 (node) ) x) S 1 7 7 0 -1 4194304 100 0 0 0 ${ticks.join(" ")} 20 0 1 0 5 6 7`;
  assert.equal(await use.foreign(), undefined);
  //                     user nice system idle iowait irq softirq steal guest guest_nice
  await write({ stat: stat(1_000, 0, 500, 8_000, 100, 0, 0, 50, 30, 0), "self/stat": own(300, 100, 0, 0) });
  assert.equal(await use.foreign(), undefined);
  await write({ stat: stat(1_040, 20, 540, 8_080, 110, 5, 5, 50, 90, 0), "self/stat": own(330, 110, 5, 5) });
  // 200 ticks, 110 of them busy, 50 of those this process' own.
  assert.equal(await use.foreign(), 60 / 200);
  await write({
    "self/task/7/children": "8 9",
    "8/stat": own(50, 0, 0, 0),
    stat: stat(1_140, 20, 540, 8_180, 110, 5, 5, 50, 90, 0),
  });
  assert.equal(await use.foreign(), 50 / 200);
  // Counters that go back, as in a container that moved, give no share below 0 or above 1.
  await write({ stat: stat(1_240, 20, 540, 8_180, 110, 5, 5, 50, 90, 0), "self/stat": own(0, 0, 0, 0) });
  assert.equal(await use.foreign(), 1);
  await write({ "self/stat": own(9_000, 0, 0, 0), stat: stat(1_241, 20, 540, 8_280, 110, 5, 5, 50, 90, 0) });
  assert.equal(await use.foreign(), 0);
  await write({ stat: "cpu what" });
  assert.equal(await use.foreign(), undefined);
});

const now = 1_800_000_000_000;

function sessions(...blocks: readonly string[]): string {
  return blocks.map((block) => block.split(" ").join("\n")).join("\n\n");
}

test("the owner is active while a session in the foreground is neither locked nor idle", () => {
  const user = "Class=user State=active Active=yes LockedHint=no";
  const idle = (ms: number) => `${user} IdleHint=yes IdleSinceHint=${(now - ms) * 1_000}`;
  const active = { ownerActive: true, ownerIdleMs: undefined, headless: false };
  const away = (ownerIdleMs?: number) => ({ ownerActive: false, ownerIdleMs, headless: false });
  const unknown = { ownerActive: undefined, ownerIdleMs: undefined, headless: undefined };
  const table: readonly (readonly [object, string])[] = [
    [unknown, ""],
    [unknown, "garbage"],
    [unknown, sessions("Class=manager State=active Active=yes IdleHint=no")],
    [unknown, sessions("Class=user State=closing Active=yes IdleHint=no")],
    [active, sessions(`${user} IdleHint=no`)],
    [active, sessions(idle(5_000), `${user} IdleHint=no`)],
    [away(5_000), sessions(idle(5_000))],
    [away(5_000), sessions(idle(5_000), idle(90_000))],
    // A clock that was set back.
    [away(0), sessions(idle(-5_000))],
    [away(0), sessions(`${user} IdleHint=yes IdleSinceHint=yesterday`)],
    [away(), sessions("Class=user State=active Active=yes LockedHint=yes IdleHint=no")],
    [away(), sessions("Class=user State=online Active=no LockedHint=no IdleHint=no")],
    [away(), sessions("Class=greeter State=active Active=yes LockedHint=no IdleHint=no")],
  ];
  for (const [expected, shown] of table) assert.deepEqual(presenceOf(shown, now), expected, shown);
});

test("logind is queried for its sessions by their ids alone, and a silent one gives no signal", async () => {
  const queries: string[][] = [];
  const query: QueryLogind = async (args) => {
    queries.push([...args]);
    if (args[0] === "list-sessions")
      return "     c1 1000 ann seat0 2180 user tty2 no -\n 3 1001 bob\n--host=evil x\n\n";
    return sessions("Class=user State=active Active=yes LockedHint=no IdleHint=no");
  };
  assert.equal((await presence(query, now)).ownerActive, true);
  assert.deepEqual(queries[1]?.slice(-2), ["c1", "3"]);
  assert.equal((await presence(async () => undefined, now)).ownerActive, undefined);
});

test("a machine without seat, display and session is headless; with a seat alone its owner is away", async () => {
  const answers = (list: LogindAnswer, seats: LogindAnswer = undefined): QueryLogind => {
    return async ([verb]) => (verb === "list-sessions" ? list : verb === "list-seats" ? seats : undefined);
  };
  const found = async (query: QueryLogind, display: boolean): Promise<string> => {
    const { headless, ownerActive } = await presence(query, now, async () => display);
    return `headless ${headless}, active ${ownerActive}`;
  };
  const unknown = "headless undefined, active undefined";
  assert.equal(await found(answers("", ""), false), "headless true, active undefined");
  assert.equal(await found(answers("absent"), false), "headless true, active undefined");
  assert.equal(await found(answers("", "seat0\n"), false), "headless false, active false");
  assert.equal(await found(answers("", ""), true), unknown);
  assert.equal(await found(answers("absent"), true), unknown);
  assert.equal(await found(answers("", "seat0\n"), true), unknown);
  // A logind that does not answer gives no signal.
  assert.equal(await found(answers(undefined), false), unknown);
  assert.equal(await found(answers("", undefined), false), unknown);
  assert.equal(await found(answers("3 1001 bob\n"), false), unknown);
});

test("a display manager, an X server, a container or a Windows desktop count as a display", async (t) => {
  const root = async (files: Record<string, string>): Promise<string> => {
    const made = await machine(t);
    await made.write({ "proc/version": "Linux version 6.1.0", ...files });
    return made.root;
  };
  assert.equal(await hasDisplay(await root({}), "linux"), false);
  for (const path of [
    "etc/systemd/system/display-manager.service",
    "etc/X11/default-display-manager",
    "tmp/.X11-unix/X0",
    ".dockerenv",
  ]) {
    assert.equal(await hasDisplay(await root({ [path]: "" }), "linux"), true, path);
  }
  const windows = { "proc/version": "Linux version 5.15.0-microsoft-standard-WSL2" };
  assert.equal(await hasDisplay(await root(windows), "linux"), true);
  assert.equal(await hasDisplay(await root({}), "darwin"), true);
  assert.equal(await hasDisplay(await root({}), "win32"), true);
});

test("power is read in each sample, other sensors at intervals, and presence never on nobody's machine", async (t) => {
  const { root, write } = await machine(t);
  await write({ "sys/class/power_supply/AC/type": "Mains", "sys/class/power_supply/AC/online": "1" });
  const clock = new ManualClock();
  let queries = 0;
  const query: QueryLogind = async () => {
    queries += 1;
    return undefined;
  };
  const signals = new MachineSignals({ kernel: { proc: join(root, "proc"), sys: join(root, "sys") }, clock, query });
  for (let step = 0; step < 20; step++) {
    const online = step % 2;
    await write({ "sys/class/power_supply/AC/online": String(online) });
    assert.equal((await signals.read({ presence: true })).onBattery, online === 0);
    clock.advance(500);
  }
  assert.equal(queries, 2);
  const { rssBytes = 0, totalBytes = 0 } = await signals.read({ presence: false });
  assert.ok(rssBytes > 0 && rssBytes < totalBytes, `${rssBytes}, ${totalBytes}`);
  clock.advance(60_000);
  await signals.read({ presence: false });
  assert.equal(queries, 2);
});

test("a logind that stops answering gives no signal any more: an absent owner may be back", async (t) => {
  const { root } = await machine(t);
  const clock = new ManualClock();
  let isSilent = false;
  const query: QueryLogind = async (args) => {
    if (isSilent) await new Promise(() => undefined);
    return args[0] === "list-sessions" ? "1 1000 ann\n" : "Class=user\nState=active\nActive=yes\nLockedHint=yes";
  };
  const signals = new MachineSignals({ kernel: { proc: join(root, "proc"), sys: join(root, "sys") }, clock, query });
  await signals.read({ presence: true });
  assert.equal((await signals.read({ presence: true })).ownerActive, false);
  isSilent = true;
  for (let step = 0; step < 24; step++) {
    clock.advance(500);
    await signals.read({ presence: true });
  }
  assert.equal((await signals.read({ presence: true })).ownerActive, undefined);
});

test("a sensor whose driver was loaded anew under another name is found again", async (t) => {
  const { root, write } = await machine(t);
  const sensor = (index: number) => ({
    [`class/hwmon/hwmon${index}/name`]: "k10temp",
    [`class/hwmon/hwmon${index}/temp1_input`]: "70000",
  });
  const temperature = new Temperature(root);
  await write(sensor(3));
  assert.equal(await temperature.celsius(), 70);
  await rm(join(root, "class/hwmon/hwmon3"), { recursive: true });
  assert.equal(await temperature.celsius(), undefined);
  await write(sensor(5));
  assert.equal(await temperature.celsius(), 70);
});

test("this machine's own files are read", {
  skip: process.platform !== "linux" && "they are Linux' files",
}, async (t) => {
  const signals = new MachineSignals({ kernel: { proc: "/proc", sys: "/sys" }, clock: systemClock });
  const presence = { presence: true };
  await signals.read(presence);
  // Wait until a second sample is due and at least one tick of the kernel has passed.
  const end = Date.now() + 20_000;
  let seen = await signals.read(presence);
  while (seen.foreignSample < 2 && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    seen = await signals.read(presence);
  }
  t.diagnostic(JSON.stringify(seen));
  const { foreignCpu, celsius, onBattery, ownerActive, rssBytes, totalBytes } = seen;
  assert.ok(foreignCpu !== undefined && foreignCpu >= 0 && foreignCpu <= 1, `${foreignCpu}`);
  assert.ok(celsius === undefined || (celsius > -50 && celsius < 150), `${celsius}`);
  assert.ok(
    [true, false, undefined].includes(onBattery) && [true, false, undefined].includes(ownerActive),
    `${onBattery}, ${ownerActive}`,
  );
  assert.ok(
    rssBytes !== undefined && totalBytes !== undefined && rssBytes < totalBytes,
    `${rssBytes} of ${totalBytes}`,
  );
});
