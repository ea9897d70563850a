// Whether anybody could sit at this machine at all: a server in a rack is nobody's workstation, without any setting.

import { access, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isContained } from "../core/outer-wall.js";

/** Files of an installed display manager: the unit's alias on systemd, Debian's choice on older systems. */
const displayManagers = ["etc/systemd/system/display-manager.service", "etc/X11/default-display-manager"];
/** The folder of X servers' sockets: an X server may run without a display manager. */
const xSockets = "tmp/.X11-unix";
/** The kernel of a Linux under Windows, whose desktop is outside of it. */
const windowsKernel = /microsoft/i;

/**
 * Whether a display manager or an X server is there. True where that cannot be seen: inside a container, under Windows,
 * and on systems other than Linux. `root` is where the file system begins.
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
