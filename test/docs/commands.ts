// The grammar of the `herd` command, taken from the program itself.

import { Command } from "commander";

let found: Promise<Command> | undefined;

/** The program with all its commands. */
export function herdProgram(): Promise<Command> {
  found ??= caughtProgram();
  return found;
}

/** The module runs a command line as it loads, once: that one is caught before it does anything. */
async function caughtProgram(): Promise<Command> {
  let program: Command | undefined;
  const { parseAsync } = Command.prototype;
  const { exitCode } = process;
  Command.prototype.parseAsync = async function catchProgram(this: Command) {
    program = this;
    return this;
  };
  try {
    await import("../../src/cli/main.js");
  } finally {
    Command.prototype.parseAsync = parseAsync;
    process.exitCode = exitCode;
  }
  if (program === undefined) throw new TypeError("the command line's module parsed nothing");
  return program;
}

/** The commands that do something, with their whole names, such as `herd token create`. */
export function commandsOf(program: Command): { readonly name: string; readonly command: Command }[] {
  const below = (command: Command, name: string): { name: string; command: Command }[] =>
    command.commands.length === 0
      ? [{ name, command }]
      : command.commands.flatMap((one) => below(one, `${name} ${one.name()}`));
  return below(program, program.name());
}
