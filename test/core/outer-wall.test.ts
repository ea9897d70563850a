// What is told of the container around a process, from the texts of a real one and from worse ones.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readOuterWall, type WallSigns, wallOf } from "../../src/core/outer-wall.js";

const status = `Name:	node
Uid:	10001	10001	10001	10001
CapInh:	0000000000000000
CapPrm:	0000000000000000
CapEff:	0000000000000000
CapBnd:	0000000000000000
NoNewPrivs:	1
Seccomp:	2
Seccomp_filters:	1
`;
const mountInfo = `594 488 0:58 / / ro,relatime master:205 - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w
595 594 0:61 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
602 594 0:65 / /tmp rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw,size=65536k
`;
const whole: WallSigns = { isMarked: true, status, mountInfo };
const writable = mountInfo.replace(" / ro,", " / rw,");

test("a wall stands when every part does", () => {
  assert.deepEqual(wallOf(whole).missing, []);
});

test("each part that is missing is told", () => {
  const cases: [string, Partial<WallSigns>][] = [
    ["no container", { isMarked: false, status: "", mountInfo: "" }],
    ["root user", { status: status.replace(/^Uid:.*$/m, "Uid:\t0\t0\t0\t0") }],
    ["root user", { status: status.replace(/^Uid:.*$/m, "Uid:\t10001\t0\t10001\t10001") }],
    ["writable root", { mountInfo: writable }],
    ["writable root", { mountInfo: mountInfo + writable }],
    ["capabilities", { status: status.replace(/^CapBnd:.*$/m, "CapBnd:\t00000000a80425fb") }],
    ["new privileges allowed", { status: status.replace("NoNewPrivs:\t1", "NoNewPrivs:\t0") }],
    ["no seccomp", { status: status.replace("Seccomp:\t2", "Seccomp:\t0") }],
  ];
  for (const [part, change] of cases) assert.deepEqual(wallOf({ ...whole, ...change }).missing, [part]);
});

test("in a container that tells nothing of itself nothing else stands", () => {
  const { missing } = wallOf({ isMarked: true, status: "", mountInfo: "" });
  assert.deepEqual(missing, ["root user", "writable root", "capabilities", "new privileges allowed", "no seccomp"]);
});

test("the signs are read from the engine's mark and from the kernel's files", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "herd-wall-"));
  t.after(() => rm(root, { recursive: true }));
  assert.deepEqual((await readOuterWall(root)).missing, ["no container"]);
  await mkdir(join(root, "proc/self"), { recursive: true });
  await writeFile(join(root, "proc/self/status"), status);
  await writeFile(join(root, "proc/self/mountinfo"), mountInfo);
  assert.deepEqual((await readOuterWall(root)).missing, ["no container"]);
  await writeFile(join(root, ".dockerenv"), "");
  assert.deepEqual((await readOuterWall(root)).missing, []);
});
