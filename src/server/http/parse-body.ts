// A small JSON body, parsed into its shape or refused with the place that does not fit.

import type { z } from "zod";
import { HerdError } from "../../core/errors.js";

/** The body as its shape. Throws `request.malformed`, with a JSON pointer as `where`. */
export function parseBody<Shape>(schema: z.ZodType<Shape>, value: unknown): Shape {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = `/${issue?.path.join("/") ?? ""}`;
  throw new HerdError("request.malformed", `the body does not fit: ${issue?.message ?? "unreadable"}`, { where });
}
