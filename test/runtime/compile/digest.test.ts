// The bytes of a component depend on the source and the version of Wasmherd, and on nothing that happened before.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { compile } from "../../../runtime/compile/compile.js";
import { Compiler } from "../../../runtime/compile/compiler.js";
import { Asc } from "../../../runtime/compile/emit/asc.js";
import { readSources } from "../../../runtime/compile/source/upload-files.js";
import { packageRoot } from "../../../src/core/package-root.js";
import { failure, patientLimits, upload } from "./compiling.js";

const sample = (name: string): string => readFileSync(new URL(`functions/${name}.ts`, packageRoot()), "utf8");
const csv = upload(sample("csv"));
const others = [upload(sample("orders")), upload({ "index.ts": 'export * from "./a";', "a.ts": sample("sha256") })];
const faulty = upload("export function f(): i32 { return missing; }");
const unreadable = upload("export function f(: i32 {");

function digestOf(component: Uint8Array): string {
  return createHash("sha256").update(component).digest("hex");
}

test("a source has one digest: in a cold process, in a warm one, after other sources, and beside another", async () => {
  const compilers = [new Compiler({ limits: patientLimits }), new Compiler({ limits: patientLimits })] as const;
  after(() => Promise.all(compilers.map((one) => one.stop())));
  const [compiler, second] = compilers;
  const digest = async (of: Compiler, key = ""): Promise<string> =>
    digestOf((await of.compile(csv, { key })).component);

  const cold = await digest(compiler);
  assert.equal(await digest(compiler), cold, "twice");
  for (const files of others) await compiler.compile(files);
  assert.equal(await digest(compiler), cold, "after others");
  for (const files of [faulty, unreadable])
    assert.equal((await failure(compiler.compile(files))).code, "source.invalid");
  assert.equal(await digest(compiler), cold, "after faulty ones");

  second.start();
  await second.warmUp();
  assert.equal(await digest(second), cold, "after a warm-up");
  assert.deepEqual(await Promise.all([digest(second, "a"), digest(second, "b")]), [cold, cold], "in two processes");
});

test("a library that was parsed ahead changes no byte", async () => {
  const asc = new Asc();
  const request = { ...readSources(csv, patientLimits), cpuMs: patientLimits.compileCpuMs };
  const parsed = digestOf((await compile({ asc }, request)).component);
  asc.prime();
  asc.prime();
  assert.equal(digestOf((await compile({ asc }, request)).component), parsed);
});

test("the stages of a compilation begin in their order", async () => {
  const stages: string[] = [];
  const request = { ...readSources(csv, patientLimits), cpuMs: patientLimits.compileCpuMs };
  await compile({ asc: new Asc(), onStage: (stage) => stages.push(stage) }, request);
  assert.deepEqual([...new Set(stages)], ["parse", "compile", "optimize", "componentize"]);
});
