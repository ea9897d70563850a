// The configuration of a node: file, environment and flags become one final value here, once.

import { isIP } from "node:net";
import { availableParallelism, hostname, networkInterfaces } from "node:os";
import { dirname, resolve } from "node:path";
import * as z from "zod";
import { type DoorKind, doorKinds } from "./door-kind.js";
import { randomHex } from "./ids.js";
import { defaultLimits, type Limits } from "./limits.js";
import { type LogLevel, logLevels } from "./log-ring.js";
import { isDnsName, nodeNamePattern } from "./node-name.js";
import { isContained } from "./outer-wall.js";
import { ownAddress } from "./own-address.js";
import { defaultOwnerPolicy, type OwnerPolicy, ownerPolicySchema } from "./owner-policy.js";
import { readTextFile } from "./text-file.js";
import { UsageError } from "./usage-error.js";

/** Everything that decides how a node runs, with every default filled in; paths are absolute. */
export interface Config {
  /** The node's name when it has no identity yet; `nameGiven`: a person chose it. */
  readonly name: string;
  readonly nameGiven: boolean;
  /** What the node binds. */
  readonly host: string;
  /** What peers dial and URLs print; never a wildcard. `auto` in a source is the machine's only address. */
  readonly advertise: string;
  /** Ports; 0 takes a free one. */
  readonly port: number;
  readonly peerPort: number;
  /** DNS domains, beside localhost, `.local` and `.internal`, that a new root may vouch for. */
  readonly domains: readonly string[];
  /** Address of a node of the mesh to join, when the node has no identity yet; and the join token's text. */
  readonly join: string | undefined;
  readonly token: string | undefined;
  /**
   * More addresses of nodes of that mesh, tried in turn. Any of `join`, `token` and `seeds` means: join, do not found.
   */
  readonly seeds: readonly string[];
  /** Masters: how many days after its certificate ended a node may come back by itself; then it needs a join token. */
  readonly returnDays: number;
  /** `false`: this node never deploys, and requests no deploy mark. */
  readonly deploy: boolean;
  /** File with the passphrase that encrypts the root's key, beside the state's key. */
  readonly rootPassphraseFile: string | undefined;
  readonly workers: number;
  /** The front door of the public port; undefined for the fastest one that runs here. */
  readonly door: DoorKind | undefined;
  /** Whether the node measures what it can do; one that does not counts as the reference machine. */
  readonly profile: boolean;
  /** Whether a node that may deploy warms its compiler up before the first upload. */
  readonly warmCompiler: boolean;
  /**
   * A call that must wait here goes to a peer when it is expected to finish there this many times sooner. More keeps
   * calls on the node where they came in; less, down to 1, evens out load at the price of more hops.
   */
  readonly localBias: number;
  /** Folder of functions that are deployed at the start. */
  readonly functions: string | undefined;
  /** Keep identity and apps in memory only. */
  readonly ephemeral: boolean;
  readonly state: string;
  readonly limits: Limits;
  /** What guests may use of the machine, until its owner sets another policy. */
  readonly policy: OwnerPolicy;
  /** Where the kernel describes the machine: `/proc` and `/sys`, elsewhere in a container that sees the host's. */
  readonly kernel: KernelFolders;
  readonly logLevel: LogLevel | "silent";
}

/** The default of {@link Config.localBias}. */
export const defaultLocalBias = 1.25;

/** Folders of Linux' proc(5) and sysfs(5). */
export interface KernelFolders {
  readonly proc: string;
  readonly sys: string;
}

/**
 * Where a configuration comes from; what stands first wins: `flags`, `env`, the file that `flags.config` names,
 * defaults.
 */
export interface ConfigSources {
  /** Settings by the file's names, and `config`, a file's path; entries that are `undefined` count as absent. */
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Folder that relative flags start from. */
  readonly cwd?: string;
  /** Whether a container stands around this process; looked at unless given. */
  readonly contained?: boolean;
}

const kibibyte = 1024;
const gibibyte = 1024 ** 3;
const hostName = z
  .string()
  .refine((host) => isIP(host) !== 0 || /^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/.test(host), {
    error: "not a host name or address",
  });
const domainName = z.string().max(253).refine(isDnsName, "not a lower-case DNS domain");
const nodeUrl = z
  .string()
  .max(512)
  .refine((url) => URL.canParse(url) && new URL(url).protocol === "https:", {
    error: "not an address like https://localhost:8443",
  });
const wholeNumber = (min: number, max: number) => {
  const error = `a whole number from ${min} to ${max} is needed`;
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
};
/** The command line has text where a file has numbers. */
const fromText = (value: unknown): unknown => (typeof value === "string" && /^[0-9]+$/.test(value) ? +value : value);
const port = z.preprocess(fromText, wholeNumber(0, 65_535));
const count = (max: number) => wholeNumber(1, max);

const limitsSchema = z.strictObject({
  deadlineMs: count(3_600_000),
  memoryBytes: z
    .number()
    .min(64 * kibibyte)
    .max(4 * gibibyte)
    .multipleOf(64 * kibibyte),
  argumentBytes: count(gibibyte / 4),
  resultBytes: count(gibibyte / 4),
  logLines: wholeNumber(0, 100_000),
  logLineBytes: count(gibibyte / 1_024),
  queueLength: count(1_000_000),
  queueBytes: count(64 * gibibyte),
  connections: count(1_000_000),
  connectionsPerAddress: count(1_000_000),
  sourceBytes: count(gibibyte / 16),
  sourceFiles: count(10_000),
  compileCpuMs: count(600_000),
  compileTimeoutMs: count(3_600_000),
  compileMemoryBytes: wholeNumber(gibibyte / 8, 64 * gibibyte),
} satisfies { [limit in keyof Limits]: z.ZodType<number> });

const settings = z
  .strictObject({
    name: z.string().regex(nodeNamePattern, "1 to 63 of a-z, 0-9 and inner hyphens"),
    host: hostName,
    advertise: hostName,
    port,
    peerPort: port,
    domains: z.array(domainName).max(64),
    join: nodeUrl,
    token: z.string().min(1).max(8_192),
    seeds: z.array(nodeUrl).max(64),
    returnDays: wholeNumber(0, 3_650),
    deploy: z.boolean(),
    rootPassphraseFile: z.string().min(1),
    workers: z.preprocess(fromText, wholeNumber(1, 1_024)),
    door: z.enum(doorKinds),
    profile: z.boolean(),
    warmCompiler: z.boolean(),
    localBias: z.number().min(1).max(1_000),
    functions: z.string().min(1),
    ephemeral: z.boolean(),
    state: z.string().min(1),
    limits: limitsSchema.partial(),
    policy: ownerPolicySchema,
    kernel: z.strictObject({ proc: z.string().min(1), sys: z.string().min(1) }).partial(),
    logLevel: z.enum([...logLevels, "silent"]),
  })
  .partial();

type Settings = z.infer<typeof settings>;

/** Whether a node without an identity is to join a mesh; it founds one otherwise. */
export function joinsMesh({ join, token, seeds }: Pick<Config, "join" | "token" | "seeds">): boolean {
  return join !== undefined || token !== undefined || seeds.length > 0;
}

/** The configuration that these sources give. Throws {@link UsageError} naming the setting that is unknown or wrong. */
export async function loadConfig(sources: ConfigSources = {}): Promise<Config> {
  const cwd = sources.cwd ?? process.cwd();
  const { config: path, ...flags } = sources.flags ?? {};
  const fromFile = path === undefined ? {} : await readSettings(resolve(cwd, String(path)));
  const fromEnv = sources.env?.HERD_STATE ? { state: resolve(cwd, sources.env.HERD_STATE) } : {};
  const fromFlags = atFolder(parse(withoutUndefined(flags), undefined), cwd);
  const limits = { ...defaultLimits, ...withoutUndefined({ ...fromFile.limits, ...fromFlags.limits }) };
  const policy = { ...fromFile.policy, ...fromFlags.policy };
  const kernel = { ...fromFile.kernel, ...fromFlags.kernel };
  const given = { ...fromFile, ...fromEnv, ...fromFlags, limits, policy, kernel };
  const contained = given.ephemeral === true && (sources.contained ?? (await isContained()));
  return complete(given, { cwd, defaultName: contained ? randomHex(6) : defaultNodeName() });
}

/** The node name that a machine's host name gives: lower case, its first label, hyphens for what a name cannot hold. */
export function defaultNodeName(host: string = hostname()): string {
  const label = host.toLowerCase().split(".")[0] ?? "";
  const name = label
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 63)
    .replace(/^-+|-+$/g, "");
  return name === "" ? "node" : name;
}

/** Whether a host means "every address", which nobody can dial. */
export function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || /^[0:]+$/.test(host);
}

/**
 * `defaultName`: an engine starts an ended container again under its old host name, while an ephemeral node is a new
 * one.
 */
function complete(
  given: Omit<Settings, "limits"> & { limits: Limits },
  { cwd, defaultName }: { cwd: string; defaultName: string },
): Config {
  const host = given.host ?? "localhost";
  if (isWildcard(given.advertise ?? host)) {
    throw new UsageError(
      given.advertise === undefined
        ? `--host ${host} is every address: say with --advertise which one others should use`
        : `--advertise ${given.advertise} is every address: name one that others can dial`,
    );
  }
  const port = given.port ?? 8443;
  return {
    name: given.name ?? defaultName,
    nameGiven: given.name !== undefined,
    host,
    advertise: given.advertise === "auto" ? ownAddress(networkInterfaces()) : (given.advertise ?? host),
    port,
    peerPort: given.peerPort ?? (port === 0 || port === 65_535 ? 0 : port + 1),
    domains: given.domains ?? [],
    join: given.join,
    token: given.token,
    seeds: given.seeds ?? [],
    returnDays: given.returnDays ?? 90,
    deploy: given.deploy ?? true,
    rootPassphraseFile: given.rootPassphraseFile,
    // One core is left to the main thread; two workers at least, so that a call that spins cannot stop the others.
    workers: given.workers ?? Math.min(16, Math.max(2, availableParallelism() - 1)),
    door: given.door,
    profile: given.profile ?? true,
    warmCompiler: given.warmCompiler ?? true,
    localBias: given.localBias ?? defaultLocalBias,
    functions: given.functions,
    ephemeral: given.ephemeral ?? false,
    state: given.state ?? resolve(cwd, ".herd"),
    limits: given.limits,
    policy: {
      ...defaultOwnerPolicy,
      // A person who sets how many threads run functions has given the machine to them.
      owner: given.workers === undefined ? defaultOwnerPolicy.owner : "none",
      ...withoutUndefined(given.policy ?? {}),
    },
    kernel: { proc: given.kernel?.proc ?? "/proc", sys: given.kernel?.sys ?? "/sys" },
    logLevel: given.logLevel ?? "info",
  };
}

async function readSettings(path: string): Promise<Settings> {
  const text = await readTextFile(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${path}: it is no JSON: ${(error as Error).message}`, { cause: error });
  }
  return atFolder(parse(value, path), dirname(path));
}

/** `origin` is a file; without one the settings are flags, and named as they are typed. */
function parse(value: unknown, origin: string | undefined): Settings {
  const parsed = settings.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => {
    const at = origin === undefined ? flagOf(issue.path) : issue.path.join(".");
    if (issue.code === "unrecognized_keys") {
      const keys = issue.keys.map((key) => JSON.stringify(at === "" ? key : `${at}.${key}`));
      return `${origin === undefined ? "command line: " : ""}unknown setting ${keys.join(", ")}`;
    }
    return at === "" ? issue.message : `${at}: ${issue.message}`;
  });
  throw new UsageError(`${origin === undefined ? "" : `${origin}: `}${problems.join("; ")}`, { cause: parsed.error });
}

/** `--peer-port` of `peerPort`; a list's flag is repeated and has the name of one. */
function flagOf([name]: readonly PropertyKey[]): string {
  if (name === undefined) return "";
  const flag = String(name) === "domains" ? "domain" : String(name);
  return `--${flag.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Paths mean what they mean where they were written: beside the file, or in the folder of the command. */
function atFolder(given: Settings, folder: string): Settings {
  const { state, functions, rootPassphraseFile, kernel } = given;
  const { proc, sys } = kernel ?? {};
  return {
    ...given,
    ...(state === undefined ? {} : { state: resolve(folder, state) }),
    ...(functions === undefined ? {} : { functions: resolve(folder, functions) }),
    ...(rootPassphraseFile === undefined ? {} : { rootPassphraseFile: resolve(folder, rootPassphraseFile) }),
    kernel: {
      ...(proc === undefined ? {} : { proc: resolve(folder, proc) }),
      ...(sys === undefined ? {} : { sys: resolve(folder, sys) }),
    },
  };
}

function withoutUndefined<Value extends object>(
  value: Value,
): { [key in keyof Value]: Exclude<Value[key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as {
    [key in keyof Value]: Exclude<Value[key], undefined>;
  };
}
