// The reference of the HTTPS interface, from the contract in src/api.

import type { z } from "zod";
import { meshEvent } from "../../src/api/events.js";
import { problem } from "../../src/api/problem-document.js";
import { readyLine } from "../../src/api/ready.js";
import type { Answer, Place, Route } from "../../src/api/route.js";
import { problemsOf } from "../../src/api/route-problems.js";
import { routes } from "../../src/api/routes.js";
import { code, lines, table } from "./markdown-text.js";
import { type JsonSchema, Shapes } from "./shape.js";

const places: Readonly<Record<Place, string>> = {
  here: "here",
  master: "a master",
  deployer: "a node with the deploy mark",
  named: "the named node",
  keeper: "the master that keeps it",
  masters: "here, which gathers what each master keeps",
};

/** Resources by the paths that begin with one of these; what nothing names is the node itself. */
const resources: readonly (readonly [heading: string, paths: readonly string[]])[] = [
  ["Calls", ["/fn/"]],
  ["Apps", ["/v1/apps"]],
  ["Tokens", ["/v1/tokens", "/v1/sign-in"]],
  ["Joining", ["/v1/join"]],
  ["Nodes", ["/v1/nodes"]],
  ["The owner's policy", ["/v1/policy"]],
  ["The mesh", ["/v1/mesh", "/v1/masters", "/crl.pem"]],
  ["Audit, logs and events", ["/v1/audit", "/v1/logs", "/v1/events"]],
];

/** The fields of a problem document, as a table. */
export function problemTable(): string {
  return fieldsOf(problem);
}

/** The fields of the `ready` line, as a table. */
export function readyTable(): string {
  return fieldsOf(readyLine);
}

function fieldsOf(schema: z.ZodType): string {
  const shapes = new Shapes("https.md");
  const { $ref, ...whole } = shapes.read(schema);
  return shapes.fieldTable($ref === undefined ? whole : (shapes.named.get($ref) ?? {}));
}

/** The table of all routes, and the part with each route and each named type. */
export function httpsParts(): { readonly overview: string; readonly details: string } {
  const shapes = new Shapes();
  const sections = [...grouped(routes)].map(
    ([heading, of]) => `## ${heading}\n\n${of.map((route) => routeSection(route, shapes)).join("\n\n")}`,
  );
  shapes.read(problem);
  shapes.read(meshEvent);
  return { overview: overview(), details: `${sections.join("\n\n")}\n\n## Types\n\n${types(shapes)}` };
}

/** Every event's type and fields, but the time that all have. */
export function eventRows(): readonly (readonly [type: string, fields: readonly string[]])[] {
  const shapes = new Shapes();
  const { oneOf = [], anyOf = [] } = shapes.named.get(shapes.read(meshEvent).$ref ?? "") ?? {};
  return [...oneOf, ...anyOf].map(({ properties = {} }) => {
    const { type, at: _, ...fields } = properties;
    return [String(type?.const), Object.keys(fields)] as const;
  });
}

function resourceOf({ path }: Route): string {
  return resources.find(([, paths]) => paths.some((start) => path.startsWith(start)))?.[0] ?? "The node itself";
}

function grouped(all: readonly Route[]): Map<string, Route[]> {
  const groups = new Map<string, Route[]>();
  for (const route of all) {
    const heading = resourceOf(route);
    groups.set(heading, [...(groups.get(heading) ?? []), route]);
  }
  return groups;
}

function roleText({ role, byOwner }: Route): string {
  const base = role === "loopback" ? "admin; none from loopback" : role;
  return byOwner ? `${base}, owner` : base;
}

function overview(): string {
  const rows = routes.map((route) => [
    code(`${route.method} ${route.path}`),
    roleText(route),
    places[route.at],
    route.summary,
  ]);
  return table(["route", "role", "acts at", "does"], rows);
}

function routeSection(route: Route, shapes: Shapes): string {
  const { method, path, summary, parameters, query, body, answers } = route;
  const sent = body?.kind === "json" ? shapes.read(body.schema, "input") : undefined;
  const parts = [
    `### ${method} ${path}`,
    lines(summary),
    `Role: ${roleText(route)}. Acts at: ${places[route.at]}.`,
    ...(parameters === undefined ? [] : [shapes.fieldTable(shapes.read(parameters, "input"), "path")]),
    ...(query === undefined ? [] : [shapes.fieldTable(shapes.read(query, "input"), "query")]),
    ...(sent === undefined ? [] : [bodyText(sent, shapes)]),
    ...(body?.kind === "raw" ? [lines(`Body: ${body.types.map(code).join(", ")}.`)] : []),
    Object.entries(answers)
      .map(([status, answer]) => answerText(status, answer, shapes))
      .join("\n"),
    lines(`Problems: ${problemsOf(route).map(code).join(", ")}.`),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

function bodyText(schema: JsonSchema, shapes: Shapes): string {
  // A body that may be left out is described by the schema of what it holds.
  const whole = schema.anyOf?.find(({ properties }) => properties !== undefined) ?? schema;
  const fields = shapes.fieldTable(whole, "body");
  return fields === "" ? `Body: ${shapes.typeText(schema)}.` : fields;
}

function answerText(status: string, { description, contents, headers = {} }: Answer, shapes: Shapes): string {
  const kinds = contents.map((content) => {
    if (content.kind === "bytes") return code(content.type);
    if (content.kind === "json") return shapes.typeText(shapes.read(content.schema));
    return `${code(content.type)} of ${shapes.typeText(shapes.read(content.item))}`;
  });
  const what = kinds.length === 0 ? "" : ` Content: ${kinds.join("; or ")}.`;
  const names = Object.keys(headers).map(code);
  const sentHeaders = names.length === 0 ? "" : ` Headers: ${names.join(", ")}.`;
  return lines(`- **${status}** ${description}${what}${sentHeaders}`).replaceAll("\n", "\n  ");
}

function types(shapes: Shapes): string {
  return [...shapes.named]
    .sort(([left], [right]) => left.localeCompare(right, "en"))
    .map(([name, schema]) => typeSection(name, { schema, shapes }))
    .join("\n\n");
}

function typeSection(name: string, { schema, shapes }: { schema: JsonSchema; shapes: Shapes }): string {
  const choices = schema.anyOf ?? schema.oneOf ?? [];
  const parts = [
    `### ${name}`,
    ...(schema.description === undefined ? [] : [lines(schema.description)]),
    shapes.fieldTable(schema),
    ...choices.map((one) => (one.$ref === undefined ? shapes.fieldTable(one) : `Either ${shapes.typeText(one)}.`)),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}
