// Addresses as uWebSockets gives them, in the form that logs, certificates and throttles use.

import assert from "node:assert/strict";
import { test } from "node:test";
import { addressText, isLoopback } from "../../../src/server/http/remote-address.js";

function bytes(...values: number[]): ArrayBuffer {
  return new Uint8Array(values).buffer;
}

test("an address is written in its short form, a mapped one as IPv4", () => {
  assert.equal(addressText(bytes(192, 168, 0, 7)), "192.168.0.7");
  assert.equal(addressText(bytes(...Array<number>(10).fill(0), 255, 255, 127, 0, 0, 1)), "127.0.0.1");
  assert.equal(addressText(bytes(...Array<number>(15).fill(0), 1)), "::1");
  assert.equal(addressText(bytes(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xab, 0xcd)), "fe80::abcd");
  assert.equal(addressText(bytes()), "");
});

test("loopback is 127/8 and ::1, and nothing that looks like it", () => {
  for (const address of ["127.0.0.1", "127.9.9.9", "::1"]) assert.ok(isLoopback(address), address);
  for (const address of ["128.0.0.1", "12.7.0.1", "::2", "::127.0.0.1", ""]) assert.ok(!isLoopback(address), address);
});
