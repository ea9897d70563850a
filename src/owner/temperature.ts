// The heat signal: the CPU's temperature, from sysfs' thermal zones or, where no zone is the CPU's, from hwmon (AMD's
// k10temp).

import { join } from "node:path";
import { namesIn, readNumber, readStart } from "./kernel-file.js";

const cpuZone = /^(x86_pkg_temp|TCPU|.*cpu.*|.*soc.*)$/i;
/** The zone of the mainboard, near the CPU: read when there is no sensor of the CPU. */
const boardZone = /^acpitz$/i;
const cpuChip = /^(k10temp|zenpower|coretemp|cpu_thermal)$/;

/** The CPU's sensors. They are remembered once found, since the search costs more than a reading. */
export class Temperature {
  readonly #sys: string;
  #sensors: readonly string[] = [];

  /** `sys` is where sysfs is. */
  constructor(sys: string) {
    this.#sys = sys;
  }

  /**
   * Degrees Celsius of the hottest sensor of the CPU; undefined without a sensor, or without a possible value. The
   * sensors are then searched again, since a driver that was loaded anew has other folders.
   */
  async celsius(): Promise<number | undefined> {
    if (this.#sensors.length === 0) this.#sensors = await this.#find();
    const read = await Promise.all(this.#sensors.map(readNumber));
    const possible = read.flatMap((milli) =>
      milli !== undefined && milli > -50_000 && milli < 200_000 ? [milli] : [],
    );
    if (possible.length > 0) return Math.max(...possible) / 1_000;
    this.#sensors = [];
    return undefined;
  }

  async #find(): Promise<string[]> {
    const zones = await this.#named(join(this.#sys, "class", "thermal"), {
      name: /^thermal_zone[0-9]+$/,
      label: "type",
    });
    const chips = await this.#named(join(this.#sys, "class", "hwmon"), { name: /^hwmon[0-9]+$/, label: "name" });
    const of = (all: readonly (readonly [string, string])[], pattern: RegExp, file: string): string[] =>
      all.flatMap(([path, label]) => (pattern.test(label) ? [join(path, file)] : []));
    const choices = [of(zones, cpuZone, "temp"), of(chips, cpuChip, "temp1_input"), of(zones, boardZone, "temp")];
    return choices.find(({ length }) => length > 0) ?? [];
  }

  async #named(
    folder: string,
    { name, label }: { name: RegExp; label: string },
  ): Promise<(readonly [string, string])[]> {
    const paths = (await namesIn(folder)).filter((entry) => name.test(entry)).map((entry) => join(folder, entry));
    return Promise.all(paths.map(async (path) => [path, (await readStart(join(path, label), 64)) ?? ""] as const));
  }
}
