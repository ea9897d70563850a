// `herd bench capacity`: what this machine can do, as a table, a file and a picture.

import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Estimate } from "../../capacity/estimate.js";
import type { Profile } from "../../capacity/profile.js";
import type { GlobalOptions } from "../../client/client-options.js";
import { packageRoot } from "../../core/package-root.js";
import { machine } from "../machine.js";
import { printJson, printNotice, printTable } from "../print.js";
import { withProgress } from "../progress.js";
import { profileHere, profileMethod, profilePanel, profileRows } from "./bench-profile.js";
import { drawFigure } from "./chart.js";

/** The options of the command. */
export interface BenchCapacityOptions extends GlobalOptions {
  readonly seconds?: number;
  readonly workers?: number;
  /** Folder for the file and the picture. */
  readonly out?: string;
}

const question = "How much can this machine do, kernel by kernel, with one worker and with all?";
/** The least share of the workers' possible CPU time: below it, the results describe a part of the machine. */
const quietAvailability = 0.9;
const steadySpread = 0.05;

/** Measures, writes `capacity.json` and `capacity.svg`, and prints the table. */
export async function benchCapacity({ seconds, workers, out, json }: BenchCapacityOptions): Promise<void> {
  const text = "measuring this machine";
  const profile = await withProgress(text, (show) =>
    profileHere({ seconds, workers, onProgress: (done) => show(`${text}: ${Math.round(done * 100)} %`) }),
  );
  const here = machine();
  const report = { question, method: profileMethod, at: new Date(profile.at).toISOString(), machine: here, profile };
  const path = resultPath(out);
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(`${path}.json`, `${JSON.stringify(report, undefined, 2)}\n`);
  const note = `${profileMethod} ${here.cpu}, ${here.cores} cores, ${here.platform}, Node ${here.node}.`;
  await writeFile(`${path}.svg`, drawFigure({ title: question, note, panels: [profilePanel(profile)] }));
  if (json) printJson(report);
  else printTable(capacityTable(profile));
  const { availability, overall } = profile;
  const least = Math.min(availability.one, availability.all);
  if (least < quietAvailability)
    printNotice(
      `other programs used this machine, or a quota holds it: ${Math.round(least * 100)} % of the time was left`,
    );
  else if (!(Math.max(overall.one.spread, overall.all.spread) < steadySpread))
    printNotice("the figures are unsteady: other programs used this machine, or the time was too short");
  printNotice(`written: ${path}.json, ${path}.svg`);
}

/** The table for people: work units per second, 1,000 of which are one worker of the reference machine. */
export function capacityTable(profile: Profile): string[][] {
  const { workers } = profile;
  const rate = ({ unitsPerSecond }: Estimate): string => String(Math.round(unitsPerSecond));
  const spread = (each: Estimate): string =>
    Number.isFinite(each.spread) ? `±${(each.spread * 100).toFixed(1)} %` : "unknown";
  return [
    ["KERNEL", "ONE WORKER", "SPREAD", workers === 1 ? "AGAIN" : `${workers} WORKERS`, "SPREAD", "SCALING"],
    ...profileRows(profile).map(({ name, one, all }) => [
      name,
      ...[rate(one), spread(one), rate(all), spread(all)],
      `${(all.unitsPerSecond / one.unitsPerSecond).toFixed(2)}x`,
    ]),
  ];
}

/**
 * The path of the result's files, without their ending. In a clone the files are beside the stored results, which
 * `npm run bench` compares, and git ignores them.
 */
function resultPath(out: string | undefined): string {
  if (out !== undefined) return join(resolve(out), "capacity");
  const stored = fileURLToPath(new URL("bench/results", packageRoot()));
  const inClone = resolve() === fileURLToPath(packageRoot()).replace(/[\\/]$/, "") && existsSync(stored);
  return inClone ? join(stored, "capacity.local") : resolve("capacity");
}
