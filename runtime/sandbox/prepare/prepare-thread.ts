// The preparer's thread: it alone reads bytes that may be hostile, and may be ended at any moment.
import { parentPort, workerData } from "node:worker_threads";
import { HerdError } from "../../../src/core/errors.js";
import { readInterface } from "../../interface/section.js";
import { checkSourceText } from "../../interface/source-text.js";
import { collectGarbage } from "../collect-garbage.js";
import { kernelId } from "../kernel-id.js";
import { prepare } from "./prepare.js";
import type { PrepareReply, PrepareRequest, SharedTypes } from "./prepare-messages.js";
import { TypeBudget } from "./type-budget.js";

/**
 * After this many requests the garbage is collected: the engine keeps the code of each component until the thread's
 * heap is full, which small components never fill.
 */
const collectEvery = 64;

const { table, most } = workerData as SharedTypes;
const types = new TypeBudget(table, most);
let answered = 0;

async function answer(request: PrepareRequest): Promise<PrepareReply> {
  const { bytes } = request;
  try {
    if (request.kind === "inspect") return { kind: "inspected", interface: readInterface(bytes) };
    if (request.kind === "check-source") {
      checkSourceText(Buffer.from(bytes.buffer));
      return { kind: "checked" };
    }
    const { revision, memoryBytes } = request;
    return { kind: "prepared", prepared: await prepare(bytes, { revision, limits: { memoryBytes }, types }) };
  } catch (error) {
    if (error instanceof HerdError) return { kind: "refused", error: error.toData() };
    return { kind: "broken", cause: String(error instanceof Error ? error.stack : error).slice(0, 2_000) };
  }
}

function send(reply: PrepareReply): void {
  parentPort?.postMessage(reply);
  if (++answered % collectEvery === 0) collectGarbage();
}

parentPort?.on("message", (request: PrepareRequest) => void answer(request).then(send));
send({ kind: "ready", kernelId: kernelId() });
