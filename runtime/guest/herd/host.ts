// Host functions that a guest may import, as the canonical ABI lowers them (strings: UTF-16 code units).
import { checkArgument } from "./refused";

@external("herd:host/log", "write")
declare function hostWrite(level: i32, message: usize, length: i32): void;

@external("herd:host/node", "name")
declare function hostNodeName(result: usize): void;

@external("wasi:clocks/wall-clock@0.2.0", "now")
declare function wallClockNow(result: usize): void;

@external("wasi:clocks/monotonic-clock@0.2.0", "now")
declare function monotonicNow(): u64;

@external("wasi:random/random@0.2.0", "get-random-u64")
declare function randomU64(): u64;

export function writeLine(level: i32, message: string): void {
  checkArgument(changetype<usize>(message), "message", "string");
  hostWrite(level, changetype<usize>(message), message.length);
}

export function readNodeName(): string {
  const result = memory.data(8, 4);
  hostNodeName(result);
  return String.UTF16.decodeUnsafe(load<usize>(result), (<usize>load<u32>(result, 4)) << 1);
}

/** Milliseconds since the epoch, with a fraction. */
export function epochMilliseconds(): f64 {
  const result = memory.data(16, 8);
  wallClockNow(result);
  return <f64>load<u64>(result) * 1000.0 + Math.floor(<f64>load<u32>(result, 8) / 1000000.0);
}

/** Milliseconds of a clock that never goes back. */
export function monotonicMilliseconds(): f64 {
  return <f64>monotonicNow() / 1000000.0;
}

export function fillRandom(bytes: Uint8Array): void {
  checkArgument(changetype<usize>(bytes), "array", "Uint8Array");
  const start = bytes.dataStart;
  const length = bytes.length;
  for (let i = 0; i < length; i += 8) {
    const value = randomU64();
    const count = min(8, length - i);
    for (let j = 0; j < count; j++) store<u8>(start + i + j, <u8>(value >> (<u64>j * 8)));
  }
}

/** Seed of Math.random (`--use seed=`). */
export function seed(): f64 {
  return reinterpret<f64>(randomU64());
}

/** AssemblyScript's trace (`--use trace=`). */
export function trace(
  message: string,
  n: i32 = 0,
  a0: f64 = 0,
  a1: f64 = 0,
  a2: f64 = 0,
  a3: f64 = 0,
  a4: f64 = 0,
): void {
  checkArgument(changetype<usize>(message), "message", "string");
  let line = message;
  if (n > 0) line += " " + a0.toString();
  if (n > 1) line += ", " + a1.toString();
  if (n > 2) line += ", " + a2.toString();
  if (n > 3) line += ", " + a3.toString();
  if (n > 4) line += ", " + a4.toString();
  writeLine(0, line);
}
