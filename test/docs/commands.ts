// The commands of the `herd` program, for the reference.

import type { Command } from "commander";

/** The commands that do something, with their whole names, such as `herd token create`. */
export function commandsOf(program: Command): { readonly name: string; readonly command: Command }[] {
  const below = (command: Command, name: string): { name: string; command: Command }[] =>
    command.commands.length === 0
      ? [{ name, command }]
      : command.commands.flatMap((one) => below(one, `${name} ${one.name()}`));
  return below(program, program.name());
}
