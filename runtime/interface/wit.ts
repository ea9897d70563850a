// The WIT of an app, for any component tool (Component Model, "WIT").
import { type AppInterface, exportedInterface, type FunctionType, type ValueType } from "./model.js";

/** The interfaces that a component may import, with their WIT. Core modules import by these same names. */
export const hostInterfaces: Readonly<Record<string, string>> = {
  "wasi:clocks/wall-clock@0.2.0": `package wasi:clocks@0.2.0 {
  interface wall-clock {
    record datetime { seconds: u64, nanoseconds: u32 }
    now: func() -> datetime;
  }
  interface monotonic-clock {
    type instant = u64;
    now: func() -> instant;
  }
}`,
  "wasi:clocks/monotonic-clock@0.2.0": "",
  "wasi:random/random@0.2.0": `package wasi:random@0.2.0 {
  interface random {
    get-random-bytes: func(len: u64) -> list<u8>;
    get-random-u64: func() -> u64;
  }
}`,
  "herd:host/log": `package herd:host {
  interface log {
    enum level { trace, debug, info, warn, error }
    write: func(level: level, message: string);
  }
  interface node {
    name: func() -> string;
  }
}`,
  "herd:host/node": "",
};

/**
 * The WIT document of an app's world `app`, with the host interfaces that it imports (keys of {@link hostInterfaces}).
 */
export function interfaceWit(app: AppInterface, imports: readonly string[] = []): string {
  const [packageName, name] = exportedInterface.split("/") as [string, string];
  const wits = new Map([...app.records, ...app.enums].map((type) => [type.name, `%${type.wit}`]));
  const text = (type: ValueType): string => typeText(type, wits);
  const lines = [`package ${packageName};`, "", `interface ${name} {`];
  for (const one of app.enums) {
    lines.push(...docs(one.doc, "  "), `  enum %${one.wit} { ${one.members.map(({ wit }) => `%${wit}`).join(", ")} }`);
  }
  for (const record of app.records) {
    lines.push(...docs(record.doc, "  "), `  record %${record.wit} {`);
    for (const field of record.fields) {
      lines.push(...docs(field.doc, "    "), `    %${field.wit}: ${text(field.type)},`);
    }
    lines.push("  }");
  }
  for (const fn of app.functions) {
    lines.push(...docs(fn.doc, "  "), `  %${fn.wit}: func${signature(fn, text)};`);
  }
  lines.push("}", "", "world app {");
  for (const one of imports) lines.push(`  import ${one};`);
  lines.push(`  export ${name};`, "}", "");
  for (const prefix of new Set(imports.map((one) => one.split("/")[0]))) {
    const definition = Object.entries(hostInterfaces).find(([key, wit]) => key.startsWith(`${prefix}/`) && wit !== "");
    if (definition !== undefined) lines.push(definition[1], "");
  }
  return lines.join("\n");
}

function signature(fn: FunctionType, text: (type: ValueType) => string): string {
  const self = fn.self === undefined ? undefined : text({ kind: "record", name: fn.self });
  const parameters = fn.parameters.map(({ wit, type, default: fallback }) => {
    return `%${wit}: ${fallback === undefined ? text(type) : `option<${text(type)}>`}`;
  });
  if (self !== undefined) parameters.unshift(`self: ${self}`);
  const result = fn.result === null ? undefined : text(fn.result);
  const arrow = self !== undefined && result !== undefined ? `tuple<${self}, ${result}>` : (self ?? result);
  return `(${parameters.join(", ")})${arrow === undefined ? "" : ` -> ${arrow}`}`;
}

function typeText(type: ValueType, names: ReadonlyMap<string, string>): string {
  switch (type.kind) {
    case "bytes":
      return "list<u8>";
    case "list":
    case "set":
      return `list<${typeText(type.element, names)}>`;
    case "map":
      return `list<tuple<string, ${typeText(type.value, names)}>>`;
    case "option":
      return `option<${typeText(type.value, names)}>`;
    case "record":
    case "enum":
      return names.get(type.name) ?? type.name;
    default:
      return type.kind;
  }
}

function docs(doc: string | undefined, indent: string): string[] {
  if (doc === undefined) return [];
  return doc.split("\n").map((line) => `${indent}/// ${line}`.trimEnd());
}
