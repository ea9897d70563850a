// A curl line that works when pasted: a function of a deployed app, with arguments that fit it.

import type { AppInterface, FunctionType, ValueType } from "../../runtime/interface/model.js";
import type { Ready } from "../node.js";

/** The line for the app `hello` if it is there, else for the first app; undefined without any function, or a token to call it with. */
export function curlLine(ready: Pick<Ready, "apps" | "ca" | "token" | "url">): string | undefined {
  const apps = ready.apps.filter((entry) => entry.interface.functions.length > 0);
  const chosen = apps.find(({ app }) => app === "hello") ?? apps[0];
  const [callable] = chosen?.interface.functions ?? [];
  if (chosen === undefined || callable === undefined || ready.token === undefined) return undefined;
  const body = JSON.stringify(exampleArguments(callable, chosen.interface));
  return [
    `curl --cacert ${quoted(ready.ca)}`,
    `-H ${quoted(`authorization: Bearer ${ready.token}`)}`,
    `-H ${quoted("content-type: application/json")}`,
    `-d ${quoted(body)}`,
    quoted(`${ready.url}/fn/${chosen.app}/${encodeURIComponent(callable.name)}`),
  ].join(" ");
}

/** Arguments by name for every parameter that has no default. */
export function exampleArguments(callable: FunctionType, app: AppInterface): Record<string, unknown> {
  const args: Record<string, unknown> = {};
  if (callable.self !== undefined) args.self = exampleValue({ kind: "record", name: callable.self }, app);
  for (const { name, type, default: fallback } of callable.parameters) {
    if (fallback === undefined) args[name] = exampleValue(type, app);
  }
  return args;
}

function exampleValue(type: ValueType, app: AppInterface): unknown {
  switch (type.kind) {
    case "string":
      return "world";
    case "bool":
      return true;
    case "bytes":
      return Buffer.from("world").toString("base64");
    case "option":
      return null;
    case "list":
    case "set":
      return [exampleValue(type.element, app)];
    case "map":
      return { key: exampleValue(type.value, app) };
    case "record": {
      const fields = app.records.find(({ name }) => name === type.name)?.fields ?? [];
      return Object.fromEntries(fields.map((field) => [field.name, exampleValue(field.type, app)]));
    }
    case "enum":
      return app.enums.find(({ name }) => name === type.name)?.members[0]?.name;
    default:
      return 10;
  }
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return /^[A-Za-z0-9_./:=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
