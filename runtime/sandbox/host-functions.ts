// The host functions that a guest may import, and nothing else: their names, their types and the levels of a log line.
import type { CoreSignature } from "../interface/layout.js";
import type { CoreImport } from "./prepared-revision.js";

/** Levels of a guest's log line; a guest names one by its index. */
export const logLevels = ["trace", "debug", "info", "warn", "error"] as const;

/** A level of {@link logLevels}. */
export type LogLevel = (typeof logLevels)[number];

/** Core types of the host functions, by the name that {@link hostFunctionName} gives. */
export const hostFunctions = {
  "wasi:clocks/wall-clock now": { parameters: ["i32"], results: [] },
  "wasi:clocks/monotonic-clock now": { parameters: [], results: ["i64"] },
  "wasi:random/random get-random-u64": { parameters: [], results: ["i64"] },
  "wasi:random/random get-random-bytes": { parameters: ["i64", "i32"], results: [] },
  "herd:host/log write": { parameters: ["i32", "i32", "i32"], results: [] },
  "herd:host/node name": { parameters: ["i32"], results: [] },
} satisfies Readonly<Record<string, CoreSignature>>;

/** The name of a host function in {@link hostFunctions}. */
export type HostFunctionName = keyof typeof hostFunctions;

/**
 * The name under which {@link hostFunctions} lists an import; undefined when this host has no such function. Within
 * 0.2, versions of an interface are compatible (WASI, "stability"): the patch number does not matter.
 */
export function hostFunctionName({ module, field }: CoreImport): HostFunctionName | undefined {
  const name = `${module.replace(/@0\.2(\.\d{1,4})?$/, "")} ${field}`;
  return Object.hasOwn(hostFunctions, name) ? (name as HostFunctionName) : undefined;
}
