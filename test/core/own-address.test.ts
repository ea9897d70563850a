// A node advertises its machine's address by itself only where there is no choice.

import assert from "node:assert/strict";
import type { NetworkInterfaceInfo } from "node:os";
import { test } from "node:test";
import { ownAddress } from "../../src/core/own-address.js";
import { UsageError } from "../../src/core/usage-error.js";

function at(address: string, { family = "IPv4", internal = false } = {}): NetworkInterfaceInfo {
  return { address, family, internal, netmask: "", mac: "", cidr: null } as NetworkInterfaceInfo;
}

const loopback = [at("127.0.0.1", { internal: true }), at("::1", { family: "IPv6", internal: true })];

test("the only address besides loopback is the machine's", () => {
  assert.equal(ownAddress({ lo: loopback, eth0: [at("10.0.0.5"), at("fe80::1", { family: "IPv6" })] }), "10.0.0.5");
});

test("none and several are refused, and named", () => {
  const refused = (eth0: NetworkInterfaceInfo[], message: RegExp) =>
    assert.throws(
      () => ownAddress({ lo: loopback, eth0 }),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  refused([], /it has none/);
  refused([at("10.0.0.5"), at("10.1.0.5")], /it has 10\.0\.0\.5, 10\.1\.0\.5/);
});
