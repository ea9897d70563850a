// The way from a fresh clone to a running command: checks the machine, installs, builds, then runs the target.
//   node scripts/bootstrap.mjs TARGET [arguments]
// TARGET is a key of `targets` in scripts/targets.mjs. Old versions of Node must be able to parse this file, since it
// reports what the machine lacks: every newer syntax is in files that are imported after the check.

import { thisMachine, unsupported } from "./requirements.mjs";

const reason = unsupported(thisMachine());
if (reason === undefined) {
  import("./targets.mjs").then((targets) => targets.runTarget(process.argv[2], process.argv.slice(3)));
} else {
  console.error(reason);
  process.exitCode = 1;
}
