// Compares a module's imports with the functions that this host has, by name and type.
import { HerdError } from "../../../src/core/errors.js";
import { hostFunctionName, hostFunctions } from "../host-functions.js";
import type { CoreShape } from "./core-shape.js";
import { signatureText } from "./core-types.js";

/**
 * Checks that every function that a module imports is one of this host's, by its name and its type. Throws HerdError
 * `source.invalid`.
 */
export function checkImports(shape: CoreShape): void {
  const { imports } = shape;
  const missing = imports.filter((one) => hostFunctionName(one) === undefined);
  if (missing.length > 0) {
    const shown = missing.slice(0, 32).map(({ module, field }) => `${module} ${field}`.slice(0, 200));
    throw new HerdError("source.invalid", `the component imports what this host does not have: ${shown.join(", ")}`);
  }
  for (const one of imports) {
    const name = hostFunctionName(one);
    if (name === undefined) continue;
    const found = shape.signature(one.type);
    const wants = signatureText(hostFunctions[name]);
    const has = found === undefined ? "none" : signatureText(found);
    if (wants === has) continue;
    throw new HerdError("source.invalid", `the component imports ${name} with the type ${has}, not ${wants}`);
  }
}
