// The file of the `herd` command, as people run it: the bundle.

import { fileURLToPath } from "node:url";
import { packageRoot } from "../core/package-root.js";

/** Path of the command's file, for Node. */
export const herdCommand = fileURLToPath(new URL("dist/bundle/herd.js", packageRoot()));
