// The outer wall: a container around the whole process, and what of it is missing.

import { access, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Parts of the wall, each as people call it when it is not there. */
const wallParts = [
  "no container",
  "root user",
  "writable root",
  "capabilities",
  "new privileges allowed",
  "no seccomp",
] as const;

/** The wall around this process: it stands when nothing of it is missing. */
export interface OuterWall {
  readonly missing: readonly (typeof wallParts)[number][];
}

/**
 * The signs of a wall: whether an engine's mark is there, and the texts of proc(5)'s `self/status` and
 * `self/mountinfo`.
 */
export interface WallSigns {
  readonly isMarked: boolean;
  readonly status: string;
  readonly mountInfo: string;
}

/** Files that engines put into their containers: Docker's, and Podman's. */
const marks = [".dockerenv", "run/.containerenv"];

/** The wall of these signs. Without a container the other parts stand for nothing, and are not looked at. */
export function wallOf({ isMarked, status, mountInfo }: WallSigns): OuterWall {
  if (!isMarked) return { missing: ["no container"] };
  const field = (name: string): string => new RegExp(`^${name}:\\s*(\\S+)`, "m").exec(status)?.[1] ?? "";
  const isRoot = !/^Uid:\s*[1-9]\d*\s+[1-9]/m.test(status);
  // "ID PARENT DEVICE ROOT MOUNT-POINT OPTIONS …"; the last mount on a place is the one that is seen.
  const root = mountInfo.match(/^\S+ \S+ \S+ \S+ \/ \S+/gm)?.at(-1) ?? "";
  const isReadOnly = (root.split(" ")[5] ?? "").split(",").includes("ro");
  const hasNone = ["CapEff", "CapPrm", "CapBnd"].every((set) => /^0+$/.test(field(set)));
  const isMissing = [false, isRoot, !isReadOnly, !hasNone, field("NoNewPrivs") !== "1", field("Seccomp") !== "2"];
  return { missing: wallParts.filter((_part, index) => isMissing[index]) };
}

/**
 * Whether a container stands around this process, whatever its wall is like; `root` is where the file system begins.
 */
export async function isContained(root = "/"): Promise<boolean> {
  return Promise.any(marks.map((mark) => access(join(root, mark)))).then(
    () => true,
    () => false,
  );
}

/** Looks at this process. What cannot be read counts as missing. */
export async function readOuterWall(root = "/"): Promise<OuterWall> {
  const text = (path: string): Promise<string> => readFile(join(root, path), "utf8").catch(() => "");
  const [isMarked, status, mountInfo] = await Promise.all([
    isContained(root),
    text("proc/self/status"),
    text("proc/self/mountinfo"),
  ]);
  return wallOf({ isMarked, status, mountInfo });
}
