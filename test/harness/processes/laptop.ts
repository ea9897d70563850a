// A laptop in a mesh of processes: a node that runs no guest on battery, and the power supply that a test switches.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { LocalMesh } from "../../../src/testing/local-mesh.js";
import type { NodeProcess } from "../../../src/testing/node-process.js";

/** A node whose workers are all for guests but on battery, on a machine whose power supply is the test's. */
export async function joinLaptop(
  mesh: LocalMesh,
  { sys, limits }: { readonly sys: string; readonly limits: object },
): Promise<NodeProcess> {
  const config = join(sys, "laptop.json");
  // Not profiled, as the nodes of `startMesh`: a kernel that runs there is no call.
  const settings = {
    limits,
    profile: false,
    warmCompiler: false,
    kernel: { sys },
    policy: { owner: "none", battery: "stop" },
  };
  await writeFile(config, JSON.stringify(settings));
  return mesh.join("laptop", ["--config", config]);
}

/** A folder as sysfs shows a machine with a plug. */
export async function fakePower(
  context: TestContext,
): Promise<{ sys: string; set(power: { online: boolean }): Promise<void> }> {
  const sys = await mkdtemp(join(tmpdir(), "herd-sys-"));
  context.after(() => rm(sys, { recursive: true, force: true }));
  const supply = join(sys, "class", "power_supply", "AC");
  await mkdir(supply, { recursive: true });
  await writeFile(join(supply, "type"), "Mains\n");
  const set = ({ online }: { online: boolean }): Promise<void> =>
    writeFile(join(supply, "online"), online ? "1\n" : "0\n");
  await set({ online: true });
  return { sys, set };
}
