// Load over HTTPS, made by autocannon.
import autocannon from "autocannon";
import { percentile } from "./statistics.js";

/** One run of load against one URL. */
export interface LoadOptions {
  readonly url: string;
  readonly ca: string;
  readonly token?: string;
  readonly body: string;
  readonly connections: number;
  readonly seconds: number;
}

/** What came of it; latencies in milliseconds. */
export interface LoadResult {
  readonly callsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
}

/** Sends `body` over and over on `connections` connections for `seconds`. Its own histogram has whole milliseconds, so every latency is kept here. */
export function load(options: LoadOptions): Promise<LoadResult> {
  const latencies: number[] = [];
  let failed = 0;
  return new Promise((resolve, reject) => {
    const instance = autocannon(request(options), (error: Error | null, result) => {
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

function request({ url, ca, token, body, connections, seconds }: LoadOptions): autocannon.Options {
  return {
    url,
    method: "POST",
    body,
    headers: { "content-type": "application/json", ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    connections,
    duration: seconds,
    tlsOptions: { ca, rejectUnauthorized: true },
  };
}
