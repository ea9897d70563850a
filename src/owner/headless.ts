// Whether anybody could sit at this machine at all: a server in a rack is nobody's workstation, and needs nobody to say
// so.

import { access, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isContained } from "../core/outer-wall.js";

/** Files that a display manager's package leaves: on systemd the unit's alias, before that Debian's choice. */
const displayManagers = ["etc/systemd/system/display-manager.service", "etc/X11/default-display-manager"];
/** Sockets of X servers, which run without a display manager too. */
const xSockets = "tmp/.X11-unix";
/** A kernel under Windows: the desktop is on the other side. */
const windowsKernel = /microsoft/i;

/**
 * Whether a display manager or an X server waits for people; true where that cannot be seen: inside a container, under
 * Windows, on systems other than Linux. `root` is where the file system begins.
 */
export async function hasDisplay(root = "/", platform: NodeJS.Platform = process.platform): Promise<boolean> {
  if (platform !== "linux" || (await isContained(root))) return true;
  const [version, sockets, ...managers] = await Promise.all([
    readFile(join(root, "proc/version"), "utf8").catch(() => ""),
    readdir(join(root, xSockets)).catch(() => []),
    ...displayManagers.map((path) =>
      access(join(root, path)).then(
        () => true,
        () => false,
      ),
    ),
  ]);
  return windowsKernel.test(version) || sockets.length > 0 || managers.includes(true);
}
