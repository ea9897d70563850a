// The first function: text in, text out, a default, a log line, and who ran it.
import { log, nodeName } from "herd";

/**
 * Greets somebody.
 * @param name who is greeted
 */
export function hello(name: string = "world"): string {
  log(`greeting ${name}`);
  return `Hello, ${name}!`;
}

/** Name of the node that computed this call. */
export function where(): string {
  return nodeName();
}

/** Adds two numbers. */
export function add(a: i32, b: i32): i32 {
  return a + b;
}
