// GET /v1/apps: one app that cannot be read, or very many large ones, cost neither the list nor the node.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { AppInterface } from "../../../runtime/interface/model.js";
import { type ListedApp, listApps } from "../../../src/api/apps.js";
import type { AppRecord } from "../../../src/catalog/model.js";
import { HerdError } from "../../../src/core/errors.js";
import { defaultLimits } from "../../../src/core/limits.js";
import { type AppsOptions, appsEndpoints } from "../../../src/server/endpoints/apps.js";
import type { EndpointRequest } from "../../../src/server/http/endpoint.js";
import type { JsonText } from "../../../src/server/http/http-answer.js";

const record = (app: string): AppRecord => ({ app, revision: app, revisions: [], public: false });
const withFunctions = (count: number, doc = ""): AppInterface => ({
  version: 1,
  functions: Array.from({ length: count }, (_, index) => ({
    name: `f${index}`,
    wit: `f${index}`,
    parameters: [],
    result: null,
    doc,
  })),
  records: [],
  enums: [],
});

/** What the list of those apps is answered with, and what was logged. */
async function list(apps: readonly string[], interfaceOf: (revision: string) => Promise<AppInterface>) {
  const logged: string[] = [];
  const options = {
    catalog: { list: () => apps.map(record) },
    router: { find: () => undefined },
    deployer: { interfaceOf },
    limits: defaultLimits,
    place: { node: "here" },
    mesh: { holders: () => [] },
    calls: { of: () => undefined },
    log: { error: (message: string) => logged.push(message) },
  };
  const endpoint = appsEndpoints(options as unknown as AppsOptions).find(({ route }) => route === listApps);
  const request = { http: { baseUrl: "https://localhost" } } as EndpointRequest;
  const answer = await endpoint?.handle(request);
  const text = String((answer?.body as JsonText | undefined)?.text);
  return { status: answer?.status, text, listed: JSON.parse(text) as ListedApp[], logged };
}

test("an app that cannot be read is in the list with the reason, and the others with their functions", async () => {
  const { status, listed, logged } = await list(["damaged", "defect", "good"], async (revision) => {
    if (revision === "damaged") throw new HerdError("node.overloaded", "the bytes are damaged");
    if (revision === "defect") throw new TypeError("never to be told");
    return withFunctions(2);
  });
  assert.equal(status, 200);
  assert.deepEqual(
    listed.map(({ app, functions, unlisted }) => [app, functions.length, unlisted]),
    [
      ["damaged", 0, { code: "node.overloaded", detail: "the bytes are damaged" }],
      ["defect", 0, { code: "internal", detail: "a defect of this node" }],
      ["good", 2, undefined],
    ],
  );
  assert.deepEqual(logged, ["the app defect cannot be listed"]);
});

test("a list has a bound: what comes after it is listed without functions", async () => {
  const large = withFunctions(1_000, "d".repeat(500));
  const apps = Array.from({ length: 100 }, (_, index) => `app${index}`);
  let asked = 0;
  const { text, listed } = await list(apps, async () => {
    asked++;
    return large;
  });
  assert.equal(listed.length, 100);
  assert.ok(text.length < 10 * 2 ** 20, `${text.length} bytes`);
  const whole = listed.filter(({ functions }) => functions.length === 1_000).length;
  assert.ok(whole > 2 && whole === asked, `${whole} whole, ${asked} read`);
  assert.equal(listed[99]?.unlisted?.code, "request.too-large");
});

test("interfaces are read one after the other, however many apps there are", async () => {
  const apps = Array.from({ length: 200 }, (_, index) => `app${index}`);
  let [now, most] = [0, 0];
  const { listed } = await list(apps, async () => {
    most = Math.max(most, ++now);
    await new Promise(setImmediate);
    now--;
    return withFunctions(1);
  });
  assert.equal(listed.filter(({ unlisted }) => unlisted === undefined).length, 200);
  assert.equal(most, 1);
});
