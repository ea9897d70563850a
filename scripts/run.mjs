// Runs a child in the foreground: its output is ours, signals reach it once, its exit code comes back.

import { spawn } from "node:child_process";

/** Runs `command` with `args`; resolves to its exit code, or to 128 and the signal's number when a signal ended it. */
export function run(command, { args, cwd, env = process.env, stdio = "inherit", shell = false }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio, shell });
    // A terminal sends its Ctrl-C to the whole group, the child included: then this process only has to wait.
    const interrupt = () => process.stdin.isTTY || child.kill("SIGINT");
    const terminate = () => child.kill("SIGTERM");
    process.on("SIGINT", interrupt).on("SIGTERM", terminate);
    const settle = () => process.off("SIGINT", interrupt).off("SIGTERM", terminate);
    child.once("error", (error) => {
      settle();
      reject(error);
    });
    child.once("exit", (code, signal) => {
      settle();
      resolve(code ?? 128 + ({ SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }[signal] ?? 0));
    });
  });
}
