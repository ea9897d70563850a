// The parts of pages that the code gives: routes, commands and bounds.

import type { Command } from "commander";
import { type Bound, interfaceBounds, moduleBounds, sourceBounds } from "../../runtime/interface/bounds.js";
import { herdProgram } from "../../src/cli/program.js";
import { commandsOf } from "./commands.js";
import { httpsParts, problemTable, readyTable } from "./https-part.js";
import { code, table } from "./markdown-text.js";

/** A part of a page, between the marks that carry its name. */
export interface GeneratedPart {
  readonly page: string;
  readonly name: string;
  readonly content: string;
}

/** Every generated part, made from the code as it is. */
export async function generatedParts(): Promise<GeneratedPart[]> {
  const program = herdProgram();
  const cli = "docs/reference/command-line.md";
  const limits = "docs/reference/limits.md";
  const https = "docs/reference/https.md";
  const { overview, details } = httpsParts();
  return [
    { page: https, name: "routes", content: overview },
    { page: https, name: "details", content: details },
    { page: "docs/reference/errors.md", name: "problem", content: problemTable() },
    { page: cli, name: "ready line", content: readyTable() },
    { page: cli, name: "global options", content: optionTable(program) },
    { page: cli, name: "list", content: commandTable(program) },
    { page: cli, name: "commands", content: commandsOf(program).map(commandSection).join("\n\n") },
    { page: limits, name: "module bounds", content: boundTable(moduleBounds) },
    { page: limits, name: "interface bounds", content: boundTable(interfaceBounds) },
    { page: limits, name: "source bounds", content: boundTable(sourceBounds) },
  ];
}

function commandTable(program: Command): string {
  return table(
    ["command", "does"],
    commandsOf(program).map(({ name, command }) => [code(name), command.description()]),
  );
}

function commandSection({ name, command }: { readonly name: string; readonly command: Command }): string {
  const options = command.options.filter(({ hidden }) => !hidden);
  const usage = [
    name,
    ...(options.length === 0 ? [] : ["[options]"]),
    ...command.registeredArguments.map(argumentText),
  ];
  const described = command.registeredArguments.filter(({ description }) => description !== "");
  return [
    `### ${name}`,
    `\`\`\`\n${usage.join(" ")}\n\`\`\``,
    ...(described.length === 0
      ? []
      : [
          table(
            ["argument", "is"],
            described.map((one) => [code(one.name()), one.description]),
          ),
        ]),
    ...(options.length === 0 ? [] : [optionTable(command)]),
  ].join("\n\n");
}

function argumentText(argument: Command["registeredArguments"][number]): string {
  return argument.required ? `<${argument.name()}>` : `[${argument.name()}]`;
}

function optionTable({ options }: Command): string {
  const rows = options.map(({ flags, description, argChoices, mandatory }) => {
    const choices = argChoices === undefined ? "" : `: ${argChoices.map(code).join(", ")}`;
    return [code(flags), `${description}${choices}${mandatory ? " (required)" : ""}`];
  });
  return table(["option", "does"], rows);
}

function boundTable(bounds: Readonly<Record<string, Bound>>): string {
  const size = ({ of, most }: Bound): string =>
    of.startsWith("bytes") && most % 2 ** 20 === 0 ? `${most / 2 ** 20} MiB` : most.toLocaleString("en");
  return table(
    ["bound", "most"],
    Object.values(bounds).map((bound) => [bound.of, size(bound)]),
  );
}
