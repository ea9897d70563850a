// Replaces these namespaces of AssemblyScript's bindings/dom, which its console, Date, performance and crypto call.
import { epochMilliseconds, fillRandom, monotonicMilliseconds, writeLine } from "../herd/host";

export namespace console {
  export function assert(condition: bool, message: string): void {
    if (!condition) writeLine(4, "Assertion failed: " + message);
  }
  export function log(message: string): void {
    writeLine(2, message);
  }
  export function debug(message: string): void {
    writeLine(1, message);
  }
  export function info(message: string): void {
    writeLine(2, message);
  }
  export function warn(message: string): void {
    writeLine(3, message);
  }
  export function error(message: string): void {
    writeLine(4, message);
  }
  @external("env", "console.time")
  export declare function time(label: string): void;
  @external("env", "console.timeLog")
  export declare function timeLog(label: string): void;
  @external("env", "console.timeEnd")
  export declare function timeEnd(label: string): void;
}

export namespace Date {
  export function now(): f64 {
    return epochMilliseconds();
  }
}

export namespace performance {
  export function now(): f64 {
    return monotonicMilliseconds();
  }
}

export namespace crypto {
  export function getRandomValues(array: Uint8Array): void {
    fillRandom(array);
  }
}
