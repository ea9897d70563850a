// The problem documents of calls in an OpenAPI document: a response for each status, an example for each code.

import { invoke, invokeByQuery } from "../../api/calls.js";
import { problemsOf } from "../../api/route-problems.js";
import { errorTable } from "../../core/error-codes.js";

type Json = Record<string, unknown>;

/** The codes of calls, by either method. */
const codesOfCalls = [...new Set([invoke, invokeByQuery].flatMap(problemsOf))].sort();

/** Names of types are identifiers of the source, which hold no dot: no app has a type of this name. */
const schemaName = "herd.Problem";

/** The schema of a problem document (RFC 9457), by its name in `components/schemas`. */
export const problemSchemas: Json = {
  [schemaName]: {
    type: "object",
    description: "A problem document (RFC 9457). What to do follows from its code.",
    required: ["status", "code", "title"],
    properties: {
      status: { type: "integer" },
      code: { type: "string" },
      title: { type: "string" },
      detail: { type: "string" },
      where: { type: "string", description: "JSON pointer to the argument, or a place in the source" },
    },
  },
};

/** A response per status, by its name in `components/responses`. */
export function problemResponses(): Json {
  return Object.fromEntries(statuses().map((status) => [responseName(status), response(status)]));
}

/** References to those responses by status, for an operation. */
export function problemReferences(): Json {
  const all = statuses().map((status) => [String(status), { $ref: `#/components/responses/${responseName(status)}` }]);
  return Object.fromEntries(all);
}

function statuses(): number[] {
  return [...new Set(codesOfCalls.map((code) => errorTable[code].status))].sort((a, b) => a - b);
}

function responseName(status: number): string {
  return `Problem${status}`;
}

function response(status: number): Json {
  const codes = codesOfCalls.filter((code) => errorTable[code].status === status);
  const examples = codes.map((code) => [code, { value: { status, code, title: errorTable[code].title } }]);
  return {
    description: codes.map((code) => `${code}: ${errorTable[code].title}`).join("; "),
    ...(status === 503 ? { headers: { "Retry-After": { description: "Seconds", schema: { type: "integer" } } } } : {}),
    content: {
      "application/problem+json": {
        schema: { $ref: `#/components/schemas/${schemaName}` },
        examples: Object.fromEntries(examples),
      },
    },
  };
}
