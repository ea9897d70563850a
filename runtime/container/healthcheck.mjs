// The image's health check: healthy while /readyz says yes, over TLS that trusts the node's own root and nothing else.
//
// An engine restarts a container that ended, and leaves a container that hangs alone. So this check ends a node that
// gave three checks in a row no answer at all. A node that drains or sleeps answers, and is only reported.

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { env, exit, kill } from "node:process";

const state = env.HERD_STATE ?? ".herd";
const silentFile = join(tmpdir(), "herd-silent-checks");
const silentLimit = 3;
const timeoutMs = 2_500;

/** The status of `/readyz`; rejects when none comes. */
function readiness({ url, ca }) {
  return new Promise((resolve, reject) => {
    // A signal, since a socket's timeout waits for a handshake that never ends.
    const signal = AbortSignal.timeout(timeoutMs);
    const options = { ca: readFileSync(join(state, ca)), servername: "localhost", agent: false, signal };
    get(new URL("/readyz", localUrl(url)), options, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).once("error", reject);
  });
}

/** The node here, whatever name others know it by; every certificate of a node names localhost. */
function localUrl(url) {
  const local = new URL(url);
  local.hostname = "127.0.0.1";
  return local;
}

function silentChecks() {
  try {
    return Number(readFileSync(silentFile, "utf8"));
  } catch {
    return 0;
  }
}

function endNode(reason) {
  const { pid } = JSON.parse(readFileSync(join(state, "lock"), "utf8"));
  console.log(`${silentLimit} checks without an answer (${reason}): ending process ${pid}`);
  rmSync(silentFile, { force: true });
  kill(pid, "SIGKILL");
}

let client;
try {
  client = JSON.parse(readFileSync(join(state, "client.json"), "utf8"));
} catch {
  console.log("the node has not started to serve");
  exit(1);
}
try {
  const status = await readiness(client);
  rmSync(silentFile, { force: true });
  console.log(`/readyz answers ${status}`);
  exit(status === 200 ? 0 : 1);
} catch (error) {
  const silent = silentChecks() + 1;
  writeFileSync(silentFile, String(silent));
  console.log(`/readyz does not answer: ${error.message}`);
  if (silent >= silentLimit) endNode(error.message);
  exit(1);
}
