// The problem documents that a call can answer, as an OpenAPI document describes them: a response per status, an example per code.

import { type ErrorCode, errorTable } from "../../core/error-codes.js";

type Json = Record<string, unknown>;

/** Everything that can become of a call but its result; what uploads, joins and operators are told is not among it. */
const codesOfCalls: readonly ErrorCode[] = [
  "request.malformed",
  "arguments.invalid",
  "auth.missing",
  "auth.invalid",
  "auth.forbidden",
  "app.unknown",
  "function.unknown",
  "node.unknown",
  "method.unsupported",
  "request.timeout",
  "request.too-large",
  "media.unsupported",
  "expectation.unsupported",
  "request.headers-too-large",
  "function.trapped",
  "function.out-of-memory",
  "function.result-too-large",
  "internal",
  "node.overloaded",
  "node.draining",
  "node.unavailable",
  "node.revoked",
  "function.deadline",
];

/** Names of types are identifiers of the source, which hold no dot: no app has one of this name. */
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
