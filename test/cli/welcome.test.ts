// What `herd up` and `herd token create` tell people: on a master, on a node that joined, and for the next machine.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { joinLine } from "../../src/cli/token.js";
import { welcomeLines } from "../../src/cli/up.js";
import { systemClock } from "../../src/core/clock.js";
import { loadConfig } from "../../src/core/config.js";
import { UsageError } from "../../src/core/usage-error.js";
import { HerdNode } from "../../src/node/node.js";
import { Identity } from "../../src/pki/identity/identity.js";
import { encodeJoinToken } from "../../src/pki/join/token-text.js";
import type { Ready } from "../../src/server/views/startup-summary.js";

const founder: Ready = {
  url: "https://localhost:8443",
  peer: "localhost:8444",
  node: "north",
  mesh: "m",
  foundingToken: "t0ken",
  token: "t0ken",
  ca: "/s/ca.pem",
  state: "/s",
  master: true,
  signInUrl: "https://localhost:8443/#code=c0de",
  apps: [{ app: "hello", interface: appInterface() }],
  wall: { missing: [] },
  door: "uws",
  notReady: [],
};

function appInterface(): Ready["apps"][number]["interface"] {
  const callable = { name: "hello", parameters: [], result: { kind: "string" } };
  return { functions: [callable], records: [], enums: [] } as unknown as Ready["apps"][number]["interface"];
}

test("a master shows its sign-in link, a call that works, and the token it keeps", () => {
  const text = welcomeLines(founder).join("\n");
  assert.match(text, /console {2}https:\/\/localhost:8443\/#code=c0de$/m);
  assert.match(text, /try {6}curl .*Bearer t0ken/);
  assert.match(text, /an admin token for this machine's herd command/);
});

test("a node that joined promises neither a sign-in code nor a token, and no call that would be refused", () => {
  const joined = {
    ...founder,
    master: false,
    foundingToken: undefined,
    token: undefined,
    signInUrl: `${founder.url}/`,
  };
  const text = welcomeLines(joined).join("\n");
  assert.match(text, /console .*sign in with a token/);
  assert.doesNotMatch(text, /code=|curl|undefined|an admin token/);
  assert.match(text, /no token: commands here need --token/);
  assert.match(welcomeLines({ ...joined, apps: [] }).join("\n"), /apps {5}the mesh's, as they arrive/);
});

test("the line for the new machine holds what the token is bound to", () => {
  const join = { url: "https://north.internal:8443", token: "herd-join.x", node: undefined, host: undefined };
  assert.match(joinLine(join), /herd up --join https:\/\/north\.internal:8443 --token herd-join\.x$/);
  const bound = joinLine({ ...join, node: "south", host: "south.internal" });
  assert.match(bound, / --name south --host 0\.0\.0\.0 --advertise south\.internal$/);
});

test("a state of one mesh is not started with a join token of another", async (t) => {
  const state = await mkdtemp(join(tmpdir(), "herd-welcome-"));
  t.after(() => rm(state, { recursive: true, force: true, maxRetries: 5 }));
  const identity = await Identity.open({
    state,
    ephemeral: false,
    name: "north",
    domains: [],
    advertise: "localhost",
    clock: systemClock,
  });
  const { nodeId: master } = identity;
  identity.close();
  const hex = "ab".repeat(32);
  const other = { mesh: hex.slice(0, 32), fingerprint: hex, id: hex.slice(0, 16), secret: "s".repeat(32), master };
  const token = encodeJoinToken({ ...other, urls: ["https://localhost:1"], makesMaster: false });
  const node = new HerdNode(await loadConfig({ flags: { state, token, port: 0 } }));
  await assert.rejects(
    node.start(),
    (error) =>
      error instanceof UsageError &&
      /belongs to the mesh [0-9a-f]{32}, and the join token is for the mesh [0-9a-f]{32}/.test(error.message),
  );
  await node.stop();
  const again = await Identity.open({
    state,
    ephemeral: false,
    name: "north",
    domains: [],
    advertise: "localhost",
    clock: systemClock,
  });
  again.close();
});
