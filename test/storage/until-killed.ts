// What tests of crashes share: a program that prints what is durable, killed at a random moment.

import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Runs a program of Node's until its first line and up to `mostMs` more, ends it by SIGKILL, and returns the lines that
 * it printed.
 */
export async function linesUntilKilled(
  program: readonly string[],
  { mostMs }: { readonly mostMs: number },
): Promise<string[]> {
  const child = spawn(process.execPath, program, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("close", resolve));
  let output = "";
  const started = new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      resolve();
    });
  });
  await Promise.race([started, ended]);
  await sleep(Math.random() * mostMs);
  child.kill("SIGKILL");
  await ended;
  return output.split("\n");
}
