// The document of an answer that is an error: application/problem+json (RFC 9457).

import * as z from "zod";
import type { DeepReadonly } from "./route.js";

/** A place in an uploaded source that the compiler refused. */
const diagnostic = z
  .object({
    file: z.string().describe("Path of the file in the upload."),
    line: z.int().describe("Line, from 1."),
    column: z.int().describe("Column, from 1."),
    message: z.string().describe("The fault, in words."),
    source: z.string().describe("The whole source line."),
  })
  .meta({ id: "Diagnostic" });

/** A problem document. The `code` is stable: the reference of errors lists every code. */
export const problem = z
  .object({
    status: z.int().describe("The HTTP status."),
    code: z.string().describe("Stable code of the error."),
    title: z.string().describe("The code in words; the same for each error of the code."),
    detail: z.string().optional().describe("What happened, and what helps."),
    where: z
      .string()
      .optional()
      .describe("JSON pointer (RFC 6901) into the request's JSON, or `file:line:column` of a source."),
    diagnostics: z.array(diagnostic).optional().describe("Of 422: every place in the source that was refused."),
  })
  .meta({ id: "Problem" });

/** A place that the compiler refused. */
export type Diagnostic = DeepReadonly<z.infer<typeof diagnostic>>;

/** A problem document. */
export type Problem = DeepReadonly<z.infer<typeof problem>>;
