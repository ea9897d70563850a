// What tests of refusals share: errors with their codes, and what a refusal costs the node.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { TestContext } from "node:test";
import type { ErrorCode } from "../../../src/core/error-codes.js";
import { HerdError } from "../../../src/core/errors.js";
import type { LocalMesh } from "../../../src/testing/local-mesh.js";
import type { NodeProcess } from "../../../src/testing/node-process.js";
import { until } from "./processes.js";
import { Rogue } from "./rogue.js";

const cpuLimitMs = 50;

/** The code and text with which a promise must reject. */
export function refusedWith(code: ErrorCode, text = /./) {
  return (error: unknown): true => {
    assert.ok(error instanceof HerdError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, text);
    return true;
  };
}

/** CPU time that a process has used, in ms, in ticks of 10 ms; 0 where the machine does not show it. */
async function cpuOf({ pid }: NodeProcess): Promise<number> {
  if (!existsSync(`/proc/${pid}/stat`)) return 0;
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const [user = "0", system = "0"] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13);
  return (Number(user) + Number(system)) * 10;
}

/** Asserts that `run` costs the node little CPU at least once of four times: the node has other work now and then. */
export async function cheaply(node: NodeProcess, act: () => Promise<unknown>): Promise<void> {
  const costs: number[] = [];
  while (costs.length < 4 && !costs.some((cost) => cost <= cpuLimitMs)) {
    const before = await cpuOf(node);
    await act();
    costs.push((await cpuOf(node)) - before);
  }
  assert.ok(
    costs.some((cost) => cost <= cpuLimitMs),
    `${costs} ms of CPU`,
  );
}

/** Asserts that a connection to the peer port is refused, with a reason in the node's log, for little CPU. */
export async function turnedAway(node: NodeProcess, reason: RegExp, attempt: () => Promise<unknown>): Promise<void> {
  await cheaply(node, async () => {
    const before = new Set(node.lines);
    await attempt();
    await until(`a refusal for ${reason}`, async () =>
      node.lines.some((line) => !before.has(line) && /a peer was refused/.test(line) && reason.test(line)),
    );
  });
}

/** A member that joined at the founder; without the deploy mark by default. */
export async function joinRogue(
  context: TestContext,
  mesh: LocalMesh,
  { name, deploy = false }: { readonly name: string; readonly deploy?: boolean },
): Promise<Rogue> {
  const rogue = await Rogue.join(mesh.founder, { name, token: await mesh.joinToken(), deploy });
  context.after(() => rogue.stop());
  return rogue;
}
