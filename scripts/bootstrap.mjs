// The way from a fresh clone to a running command: checks the machine, installs, builds, then runs the target.
//   node scripts/bootstrap.mjs start|mesh|build|package|test|test-long|test-pack|test-docker|test-browser|test-steering|test-timing|check|bench|docs [arguments]
// Old versions of Node must get through this file to be told what is missing: what is newer is imported after the check.

import { thisMachine, unsupported } from "./requirements.mjs";

const reason = unsupported(thisMachine());
if (reason === undefined) {
  import("./targets.mjs").then((targets) => targets.runTarget(process.argv[2], process.argv.slice(3)));
} else {
  console.error(reason);
  process.exitCode = 1;
}
