// The arguments of `docker run` for a node: its walls, its limits, and the paths of this machine that it sees.

import { hostname } from "node:os";
import { parallelCompilations } from "../../../runtime/compile/compiler.js";
import { checkHeapBytes } from "../../../runtime/sandbox/prepare/preparer.js";
import type { Config } from "../../core/config.js";

/** A container to be. `command` are arguments of `herd up`; paths in it mean the same inside and outside. */
export interface ContainerOptions {
  readonly image: string;
  readonly config: Config;
  /** More files and folders that the node reads. */
  readonly reads: readonly string[];
  readonly command: readonly string[];
  /** User and group of this process; undefined where a system has none. */
  readonly user: Owner | undefined;
  /** Network of the engine to be on; its default one unless given. */
  readonly network?: string | undefined;
}

/** A user and its group, as numbers. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** User of a node that root started: it owns no file of this machine. */
export const imageUser: Owner = { uid: 10_001, gid: 10_001 };

const mebibyte = 1024 * 1024;
/** Memory of a node beside compilers, waiting arguments and threads. */
const baseBytes = 250 * mebibyte;
/** Memory of a thread beside that of the call that runs: warm instances. */
const threadBytes = 256 * mebibyte;
const pids = 512;
/** Separators of mount options; quotes do not escape them in a path. */
const unmountable = /[,"\n]/;

/** The arguments of `docker run`. */
export function containerArguments(options: ContainerOptions): string[] {
  const { image, config, reads, command, user, network } = options;
  const { host, port, peerPort, state } = config;
  const bound = host === "localhost" ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  const publish = [port, peerPort].flatMap((each) => ["--publish", `${bound}:${each}:${each}`]);
  const { uid, gid } = user ?? imageUser;
  return [
    ...["--rm", "--init", "--hostname", hostname(), "--label", "wasmherd.node"],
    ...["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", `${uid}:${gid}`],
    ...[
      "--pids-limit",
      String(pids),
      "--memory",
      String(memoryLimitBytes(config)),
      "--tmpfs",
      "/tmp:rw,noexec,nosuid,nodev,size=64m",
    ],
    // The output may hold a token: this process reads it, and the engine keeps no copy.
    ...["--log-driver", "none"],
    ...(network === undefined ? [] : ["--network", network]),
    ...publish,
    ...["--env", `HERD_STATE=${state}`, "--mount", `type=bind,src=${state},dst=${state}`],
    ...reads.flatMap((path) => ["--mount", `type=bind,src=${path},dst=${path},readonly`]),
    image,
    ...command,
  ];
}

/** What the container may use: guests come up against their own limits first (docs/guides/containers.md, "Memory"). */
export function memoryLimitBytes({ workers, limits }: Pick<Config, "workers" | "limits">): number {
  const threads = workers + 1;
  const compilerBytes = parallelCompilations * limits.compileMemoryBytes;
  return baseBytes + compilerBytes + checkHeapBytes + limits.queueBytes + threads * (threadBytes + limits.memoryBytes);
}

/** Whether the engine can mount a path. */
export function isMountable(path: string): boolean {
  return !unmountable.test(path);
}
