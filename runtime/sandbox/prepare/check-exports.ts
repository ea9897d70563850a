// Compares a module's exports with its interface: names, kinds and types, so that no call meets a surprise.
import { CanonicalAbi, type CoreSignature, coreSignature } from "../../interface/layout.js";
import { type AppInterface, exportedInterface } from "../../interface/model.js";
import { type CoreExport, type CoreShape, exportKind, refusal } from "./core-shape.js";
import { type ModuleSignature, signatureText } from "./core-types.js";

const allocator = signatureOf(["i32", "i32", "i32", "i32"], ["i32"]);
const nothing = signatureOf([], []);
const i32 = 0x7f;

/** Whether the exported global of that name reports to the host how a guest ended. */
const isReport = (name: string): boolean => name === "herd_out_of_memory" || name.startsWith("herd_abort_");

/**
 * Checks that every export which the host reads exists with its kind and type: the memory, the allocator, each callable
 * with the types that its interface flattens to, and the optional exports. Throws HerdError `source.invalid`.
 */
export function checkExports(shape: CoreShape, app: AppInterface): void {
  const exported = new Map(shape.exports.map((one) => [one.name, one]));
  const required = ["memory", "cabi_realloc", ...app.functions.map(({ wit }) => `${exportedInterface}#${wit}`)];
  const absent = required.filter((name) => !exported.has(name));
  if (absent.length > 0) throw refusal(`does not export ${absent.slice(0, 32).join(", ")}`);
  const check = (name: string, signature: CoreSignature): void => {
    const one = exported.get(name);
    if (one !== undefined) checkFunction(shape, { one, signature });
  };
  for (const one of shape.exports) {
    if (one.name === "memory" && one.kind !== exportKind.memory) throw refusal("exports a memory that is none");
    if (isReport(one.name)) checkReport(shape, one);
  }
  check("cabi_realloc", allocator);
  check("_initialize", nothing);
  const abi = new CanonicalAbi(app);
  for (const fn of app.functions) {
    const signature = coreSignature(fn, abi);
    const name = `${exportedInterface}#${fn.wit}`;
    check(name, signature);
    check(`cabi_post_${name}`, signatureOf(signature.results, []));
  }
}

function checkFunction(shape: CoreShape, { one, signature }: { one: CoreExport; signature: CoreSignature }): void {
  const { name, kind, index } = one;
  if (kind !== exportKind.function) throw refusal(`exports ${name}, which is not a function`);
  const found = shape.functionSignature(index);
  const [wants, has] = [signatureText(signature), found === undefined ? "none" : signatureText(found)];
  if (found === undefined || !isSame(found, signature))
    throw refusal(`exports ${name} with the type ${has}, not ${wants}`);
}

function checkReport(shape: CoreShape, { name, kind, index }: CoreExport): void {
  // Globals cannot be imported, so the index space holds only the module's own.
  if (kind !== exportKind.global || shape.globals[index]?.type !== i32) {
    throw refusal(`exports ${name}, which is not a global of type i32`);
  }
}

function isSame(left: ModuleSignature, right: CoreSignature): boolean {
  const same = (one: readonly string[], other: readonly string[]): boolean =>
    one.length === other.length && one.every((type, index) => type === other[index]);
  return same(left.parameters, right.parameters) && same(left.results, right.results);
}

function signatureOf(parameters: CoreSignature["parameters"], results: CoreSignature["results"]): CoreSignature {
  return { parameters, results };
}
