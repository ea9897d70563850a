#!/usr/bin/env node
// The `herd` command: runs one command line, and ends with its exit code.

import { CommanderError } from "commander";
import type { GlobalOptions } from "../client/client-options.js";
import { herdProgram } from "./program.js";

/** Exit codes of the reference. */
const failed = 1;
const wrongUsage = 2;

/** Runs a command line; resolves to its exit code. */
async function run(argv: readonly string[]): Promise<number> {
  const json = argv.includes("--json");
  const herd = herdProgram({ json });
  try {
    await herd.parseAsync([...argv]);
    // A command that succeeded may have set an exit code of its own.
    return Number(process.exitCode ?? 0);
  } catch (error) {
    const { printUsageJson, report } = await import("./report.js");
    if (!(error instanceof CommanderError)) {
      return report(error, herd.opts<GlobalOptions>()) === "usage" ? wrongUsage : failed;
    }
    if (error.exitCode === 0) return 0;
    if (json) printUsageJson(usageDetail(error));
    return wrongUsage;
  }
}

/** The parser printed the error, or the help when the command line names no command. */
function usageDetail({ code, message }: CommanderError): string {
  return code === "commander.help" ? "the command line names no command" : message.replace(/^error: /, "");
}

// A reader of the notices that is gone ends nothing: a node goes on when its terminal is closed.
process.stderr.on("error", () => undefined);
// A reader of the data that is gone (`| head`) ends the command, as it ends any other.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});
process.exitCode = await run(process.argv);
