// The tree of nodes as a terminal shows it.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { TreeNode } from "../../src/api/nodes.js";
import { limitsText } from "../../src/cli/app-text.js";
import { treeLines } from "../../src/cli/node.js";

function leaf(name: string, children: TreeNode[] = []): TreeNode {
  const at = "2026-01-01T00:00:00.000Z";
  return { name, parent: null, approvedBy: "token 1", at, fingerprint: "ab".repeat(32), state: "alive", children };
}

test("branches are drawn so that each node stands below who let it in", () => {
  const lines = treeLines(leaf("root", [leaf("a", [leaf("b"), leaf("c")]), leaf("d", [leaf("e")])]));
  assert.deepEqual(
    lines.map((line) => line.slice(0, line.indexOf("  alive"))),
    ["root", "├─ a", "│  ├─ b", "│  └─ c", "└─ d", "   └─ e"],
  );
  assert.match(
    lines[1] ?? "",
    /^├─ a {2}alive, let in by token 1 at 2026-01-01T00:00:00\.000Z, fingerprint abababababababab$/,
  );
});

test("the founder was let in by nobody", () => {
  const [line = ""] = treeLines({ ...leaf("root"), approvedBy: "founder" });
  assert.match(line, /^root {2}alive, founded the mesh at 2026-/);
});

test("a name cannot draw or command the terminal", () => {
  assert.deepEqual(treeLines(leaf("x\u001b[2J\ny")).length, 1);
  assert.ok(!treeLines(leaf("x\u001b[2J\ny")).join("").includes("\u001b"), "an escape gets through");
});

test("limits are shown in readable units, and unknown limits are left out", () => {
  const text = limitsText({ deadlineMs: 5_000, memoryBytes: 64 * 1024 ** 2, argumentBytes: 1_536, logLines: 100 });
  assert.equal(text, "5 s, 64 MiB of memory, 1.5 KiB of arguments, 100 log lines a call");
});
