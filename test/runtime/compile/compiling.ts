// One warm compiler for the tests of a file, and its refusals in a short form.

import { after } from "node:test";
import type { Compilation } from "../../../runtime/compile/compile.js";
import { Compiler } from "../../../runtime/compile/compiler.js";
import { HerdError } from "../../../src/core/errors.js";
import { defaultLimits, type Limits } from "../../../src/core/limits.js";
import type { SourceFile } from "../../../src/core/source-file.js";

/** What a node allows, but for the time: a busy machine may take longer than users wait. */
export const patientLimits: Limits = { ...defaultLimits, compileTimeoutMs: 120_000 };

/** A compiler that stops when the file's tests are over. */
export function testCompiler(limits: Partial<Limits> = {}): Compiler {
  const compiler = new Compiler({ limits: { ...patientLimits, ...limits } });
  after(() => compiler.stop());
  return compiler;
}

/** Files by path as an upload; a bare text is `index.ts`. */
export function upload(source: string | Record<string, string>): SourceFile[] {
  if (typeof source === "string") return [{ path: "index.ts", text: source }];
  return Object.entries(source).map(([path, text]) => ({ path, text }));
}

/** Compiles and gives the error that came, or throws when none did. */
export async function failure(compilation: Promise<Compilation>): Promise<HerdError> {
  try {
    await compilation;
  } catch (error) {
    if (error instanceof HerdError) return error;
    throw error;
  }
  throw new Error("the source compiled");
}

/** `file:line:column message` of each diagnostic. */
export function places(error: HerdError): string[] {
  return (error.diagnostics ?? []).map((one) => `${one.file}:${one.line}:${one.column} ${one.message}`);
}

/** Source that keeps the optimizer busy: the more functions, the longer. */
export function slowSource(functions: number): string {
  const body = (n: number): string =>
    `let s = ''; for (let i = 0; i < a; i++) { s += i.toString() + '${n}'; ` +
    `if (s.length > ${n}) s = s.slice(${n}); } return s.length;`;
  return Array.from({ length: functions }, (_, n) => `export function f${n}(a: i32): i32 { ${body(n)} }`).join("\n");
}
