// Load over HTTPS by an established generator: wrk where it is installed, since it leaves most of a small machine to
// the server; autocannon otherwise.
import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import autocannon from "autocannon";
import { percentile } from "./statistics.js";

/** One run of load against one URL. */
export interface LoadOptions {
  readonly url: string;
  /** Paths to call in turn, instead of the URL's. */
  readonly paths?: readonly string[];
  readonly ca: string;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
  readonly connections: number;
  readonly seconds: number;
}

/** Result of a run; latencies in milliseconds. */
export interface LoadResult {
  readonly callsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
}

/** A generator of load, by its name. It sends `body` over and over on `connections` connections for `seconds`. */
export interface LoadGenerator {
  readonly name: string;
  run(options: LoadOptions): Promise<LoadResult>;
}

/** The best generator that this machine has. */
export function loadGenerator(): LoadGenerator {
  try {
    // wrk prints its version and fails.
    execFileSync("wrk", ["--version"], { stdio: "ignore" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { name: "autocannon", run: runAutocannon };
  }
  return { name: "wrk", run: runWrk };
}

function headersOf({ token, headers }: LoadOptions): Record<string, string> {
  const bearer = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return { "content-type": "application/json", ...bearer, ...headers };
}

async function runWrk(options: LoadOptions): Promise<LoadResult> {
  const folder = await mkdtemp(join(tmpdir(), "herd-load-"));
  const script = join(folder, "call.lua");
  const headers = Object.entries(headersOf(options)).map(
    ([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`,
  );
  const print =
    'function done(s, l) io.write(string.format("HERD %d %d %d %d %d\\n", s.requests, s.duration,\
    l:percentile(50), l:percentile(99), s.errors.connect + s.errors.read + s.errors.write +\
    s.errors.status + s.errors.timeout)) end';
  const setup = ['wrk.method = "POST"', `wrk.body = ${JSON.stringify(options.body)}`, ...headers];
  const lines = [...setup, print, ...(options.paths === undefined ? [] : [inTurn(options.paths)])];
  await writeFile(script, lines.join("\n"), { mode: 0o600 });
  try {
    const flags = ["-t1", `-c${options.connections}`, `-d${options.seconds}s`, "-s", script, options.url];
    const { stdout } = await promisify(execFile)("wrk", flags);
    const [requests, micros, p50, p99, failed] = (/HERD (.*)/.exec(stdout)?.[1] ?? "").split(" ").map(Number);
    if (requests === undefined || micros === undefined || failed === undefined) throw new Error(`wrk said: ${stdout}`);
    const ms = (value: number | undefined): number => (value ?? Number.NaN) / 1_000;
    return { callsPerSecond: (requests / micros) * 1e6, p50: ms(p50), p99: ms(p99), failed };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Requests of the paths in turn, made before the first one is sent. */
function inTurn(paths: readonly string[]): string {
  return `local paths = {${paths.map((path) => JSON.stringify(path)).join(",")}}
local requests, at = {}, 0
function init()
  for index, path in ipairs(paths) do requests[index] = wrk.format(nil, path) end
end
function request()
  at = at % #requests + 1
  return requests[at]
end`;
}

/** Its own histogram has whole milliseconds, so every latency is kept here. */
function runAutocannon(options: LoadOptions): Promise<LoadResult> {
  const latencies: number[] = [];
  let failed = 0;
  const request: autocannon.Options = {
    url: options.url,
    method: "POST",
    body: options.body,
    headers: headersOf(options),
    ...(options.paths === undefined ? {} : { requests: options.paths.map((path) => ({ path })) }),
    connections: options.connections,
    duration: options.seconds,
    tlsOptions: { ca: options.ca, rejectUnauthorized: true },
  };
  return new Promise((resolve, reject) => {
    const instance = autocannon(request, (error: Error | null, result) => {
      if (error !== null) return reject(error);
      resolve({
        callsPerSecond: latencies.length / result.duration,
        p50: percentile(latencies, 0.5),
        p99: percentile(latencies, 0.99),
        failed: failed + result.errors,
      });
    });
    instance.on("response", (_client, status, _bytes, milliseconds) => {
      latencies.push(milliseconds);
      if (status !== 200) failed++;
    });
  });
}
