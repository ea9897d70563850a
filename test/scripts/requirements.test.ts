// A machine that cannot run Wasmherd is told why in one line.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { packageRoot } from "../../src/core/package-root.js";

interface Machine {
  readonly node: string;
  readonly platform: string;
  readonly arch: string;
  readonly glibc?: string | undefined;
}

interface Requirements {
  unsupported(machine: Machine): string | undefined;
  thisMachine(): Machine;
}

const url = new URL("scripts/requirements.mjs", packageRoot());
const { unsupported, thisMachine } = (await import(url.href)) as Requirements;
const linux = { platform: "linux", arch: "x64", glibc: "2.41" };

test("supported machines get no complaint", () => {
  for (const machine of [
    { ...linux, node: "20.12.0", glibc: "2.27" },
    { ...linux, node: "22.12.0", glibc: "2.38" },
    { ...linux, node: "24.0.0", arch: "arm64" },
    { node: "20.19.1", platform: "darwin", arch: "arm64" },
    { node: "24.1.0", platform: "darwin", arch: "x64" },
    { node: "22.20.0", platform: "win32", arch: "x64" },
  ]) {
    assert.equal(unsupported(machine), undefined);
  }
  assert.equal(unsupported(thisMachine()), undefined);
});

test("each shortcoming has its own line", () => {
  for (const [machine, message] of [
    [{ ...linux, node: "14.21.3" }, /^Wasmherd runs on Node 20 .*, 22 .* or 24; this is Node 14\.21\.3\.$/],
    [{ ...linux, node: "20.11.1" }, /20\.12 or newer.*this is Node 20\.11\.1/],
    [{ ...linux, node: "23.5.0" }, /this is Node 23/],
    [{ ...linux, node: "26.0.0" }, /this is Node 26/],
    [{ ...linux, node: "24.0.0", glibc: undefined }, /musl/],
    [{ ...linux, node: "20.19.0", glibc: "2.17" }, /needs glibc 2\.27 or newer; this machine has 2\.17\.$/],
    [{ ...linux, node: "22.20.0", glibc: "2.36" }, /Node 22 needs glibc 2\.38 .* has 2\.36\. Use Node 20 here/],
    [{ node: "22.20.0", platform: "win32", arch: "arm64" }, /this is win32 on arm64/],
    [{ ...linux, node: "22.20.0", arch: "riscv64" }, /this is linux on riscv64/],
    [{ node: "22.20.0", platform: "freebsd", arch: "x64" }, /this is freebsd on x64/],
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
