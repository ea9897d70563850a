// How much can this machine do, kernel by kernel, with one worker and with all?
import { charted, profileHere, profileMethod, profilePanel, profileRows } from "../src/cli/bench/bench-profile.js";
import { withProgress } from "../src/cli/progress.js";
import { type BenchRun, bench } from "./report.js";
import { rounded } from "./statistics.js";

await bench("capacity", async (): Promise<BenchRun> => {
  const profile = await withProgress("measuring", (show) =>
    profileHere({ onProgress: (done) => show(`measuring: ${Math.round(done * 100)} %`) }),
  );
  const rows = profileRows(profile);
  const key = rows.flatMap(({ name, one, all }) => [
    { name: `${name}, one worker`, unit: "units/s", better: "higher" as const, ...charted(one) },
    { name: `${name}, ${profile.workers} workers`, unit: "units/s", better: "higher" as const, ...charted(all) },
  ]);
  const scaling = Object.fromEntries(
    rows.map(({ name, one, all }) => [name, rounded(all.unitsPerSecond / one.unitsPerSecond)]),
  );
  return { method: profileMethod, key, results: { profile, scaling }, panels: [profilePanel(profile)] };
});
