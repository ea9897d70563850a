// A machine that cannot run Wasmherd is told why in one line.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { packageRoot } from "../../src/core/package-root.js";

interface Machine {
  readonly node: string;
  readonly platform: string;
}

interface Requirements {
  unsupported(machine: Machine): string | undefined;
  thisMachine(): Machine;
}

const url = new URL("scripts/requirements.mjs", packageRoot());
const { unsupported, thisMachine } = (await import(url.href)) as Requirements;
const platform = "linux";

test("supported machines get no complaint", () => {
  for (const machine of [
    { platform, node: "20.12.0" },
    { platform, node: "22.12.0" },
    { platform, node: "24.0.0" },
    { platform, node: "26.0.0" },
    { platform: "darwin", node: "20.19.1" },
    { platform: "win32", node: "22.20.0" },
  ]) {
    assert.equal(unsupported(machine), undefined);
  }
  assert.equal(unsupported(thisMachine()), undefined);
});

test("each shortcoming has its own line", () => {
  for (const [machine, message] of [
    [{ platform, node: "14.21.3" }, /^Wasmherd runs on Node 20 .*, 22 .*, 24 or 26; this is Node 14\.21\.3\.$/],
    [{ platform, node: "20.11.1" }, /20\.12 or newer.*this is Node 20\.11\.1/],
    [{ platform, node: "23.5.0" }, /this is Node 23/],
    [{ platform, node: "28.0.0" }, /this is Node 28/],
    [{ platform: "freebsd", node: "22.20.0" }, /this is freebsd\.$/],
  ] as const) {
    const reason = unsupported(machine) ?? "";
    assert.match(reason, message);
    assert.doesNotMatch(reason, /\n/);
  }
});

test("what an old Node has to read holds no syntax newer than Node 14 and imports nothing", () => {
  for (const name of ["requirements.mjs", "bootstrap.mjs"]) {
    const text = readFileSync(new URL(`scripts/${name}`, packageRoot()), "utf8");
    assert.doesNotMatch(
      text,
      /\?\?=|\|\|=|&&=|#\w+\(|^await |\bat\(|replaceAll|Object\.hasOwn|import .* from "(?!\.\/requirements)/m,
    );
  }
});
