// The battery signal: whether the machine runs on its battery, from sysfs' power_supply class (kernel:
// Documentation/ABI/testing/sysfs-class-power).

import { join } from "node:path";
import { namesIn, readStart } from "./kernel-file.js";

/** What does not change about a supply while it is there. */
interface Supply {
  readonly type: string;
  /** Whether this is the battery of a device, such as a mouse, and not of the machine. */
  readonly ofDevice: boolean;
}

/** The power supplies of one machine. */
export class PowerSupplies {
  readonly #folder: string;
  #known = new Map<string, Supply>();

  /** `sys` is where sysfs is. */
  constructor(sys: string) {
    this.#folder = join(sys, "class", "power_supply");
  }

  /**
   * False while any outside supply is online; otherwise true when the mains are offline or a battery (or UPS) of the
   * machine discharges. Undefined without either sign, as on a desktop without a sensor.
   */
  async onBattery(): Promise<boolean | undefined> {
    const names = await namesIn(this.#folder);
    const found = new Map<string, Supply>();
    let [mains, batteries, discharging, known] = [0, 0, false, false];
    for (const name of names) {
      const supply = this.#known.get(name) ?? (await this.#supply(name));
      if (supply === undefined) continue;
      found.set(name, supply);
      if (supply.ofDevice) continue;
      if (supply.type === "Battery" || supply.type === "UPS") {
        const status = (await readStart(join(this.#folder, name, "status"), 64)) ?? "";
        batteries += 1;
        discharging ||= status === "Discharging";
        known ||= /^(Charging|Full|Not charging)$/.test(status);
        continue;
      }
      const online = await readStart(join(this.#folder, name, "online"), 64);
      // 2 is online with a fixed voltage, 3 with a programmable one.
      if (online !== undefined && /^[1-9]$/.test(online)) return false;
      if (supply.type === "Mains" && online === "0") mains += 1;
    }
    this.#known = found;
    if (mains > 0 || discharging) return true;
    return batteries > 0 && known ? false : undefined;
  }

  async #supply(name: string): Promise<Supply | undefined> {
    const type = await readStart(join(this.#folder, name, "type"), 64);
    if (type === undefined) return undefined;
    return { type, ofDevice: (await readStart(join(this.#folder, name, "scope"), 64)) === "Device" };
  }
}
