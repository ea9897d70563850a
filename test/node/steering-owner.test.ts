// The owner of one machine of a real mesh unplugs it, plugs it in and pauses it, under load: no call fails, and nothing
// runs there meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { MeshPeer } from "../../src/api/mesh.js";
import { type Answer, callMany } from "../../src/testing/many-calls.js";
import type { NodeProcess } from "../../src/testing/node-process.js";
import { fakePower, joinLaptop } from "../harness/processes/laptop.js";
import { deploy, herdAt, meshSeenBy, seesAlive, startMesh, until } from "../harness/processes/processes.js";

/** Each is learned by itself: one argument says nothing of how long another takes. `long` is four times as much. */
const source = ["short", "long"]
  .map(
    (name) => `export function ${name}(rounds: i32): i32 {
  let state: u32 = <u32>rounds;
  for (let time = 0; time < ${name === "long" ? 4 : 1}; time++) {
    for (let round = 0; round < rounds; round++) state = state * 1664525 + 1013904223;
  }
  return state == 12345 ? -1 : rounds;
}`,
  )
  .join("\n");
/**
 * About 2 ms; and several times the second within which the owner's change is seen and a call may go on, however late
 * in the call a test sees that it runs.
 */
const short = 2_000_000;
const long = 1_500_000_000;
const deadlineMs = 120_000;
/** For a busy machine. */
const limits = { deadlineMs, compileTimeoutMs: 120_000 };

test("the owner unplugs a machine, plugs it in, and pauses it", async (context) => {
  const power = await fakePower(context);
  const mesh = await startMesh(context, ["north", "east"], { settings: { limits } });
  const { token } = mesh;
  const [north, east] = mesh.nodes;
  assert.ok(north && east, "no north, or no east");
  const laptop = await joinLaptop(mesh, { sys: power.sys, limits });
  const names = ["north", "east", "laptop"];
  await deploy(north, { app: "demo", text: source, token });
  for (const node of mesh.nodes) await until(`${node.ready.node} sees all`, () => seesAlive(node, { token, names }));
  const seen = async (by: NodeProcess): Promise<MeshPeer> => {
    const laptop = (await meshSeenBy(by, token)).peers.find(({ name }) => name === "laptop");
    assert.ok(laptop, "the node is known");
    return laptop;
  };
  const unplugged = (): Promise<number> =>
    until("its peers see no slots", async () => (await seen(north)).slots === 0 && (await seen(east)).slots === 0);
  const pluggedIn = (): Promise<number> =>
    until(
      "its peers see slots",
      async () => ((await seen(north)).slots ?? 0) > 0 && ((await seen(east)).slots ?? 0) > 0,
    );
  await pluggedIn();

  await context.test("no call fails while it goes and comes, and none runs there meanwhile", async (t) => {
    const ended = new AbortController();
    const answers: Answer[] = [];
    const load = [north, laptop].map((node) =>
      keepCalling(node, {
        token,
        path: "demo/short",
        rounds: short,
        signal: ended.signal,
        onAnswer: (answer) => answers.push(answer),
      }),
    );
    const since = (from: number): readonly Answer[] => answers.slice(from);
    const away = ({ node, hops }: Answer): boolean => node === "laptop" && hops === 1;
    await until("it takes calls of peers", async () => answers.some(away));
    await power.set({ online: false });
    await unplugged();
    const stopped = answers.length;
    await until("calls go on", async () => since(stopped).length > 200);
    // What had been answered there by then may still have been on its way.
    const late = since(stopped + 50).filter(({ node }) => node === "laptop");
    assert.equal(late.length, 0, `${late.length} calls ran on battery`);
    await power.set({ online: true });
    await pluggedIn();
    ended.abort();
    await Promise.all(load);
    for (const { status, text } of answers) assert.equal(status, 200, text);
    t.diagnostic(`${answers.length} calls`);
  });

  await context.test("what runs there runs elsewhere when it is unplugged", async (t) => {
    const givenBack = async (): Promise<number> => {
      const { text } = await laptop.client(token).send("/metrics");
      return Number(/^herd_peer_calls_total\{outcome="draining"\} (\d+)$/m.exec(text)?.[1]);
    };
    const before = await givenBack();
    const ended = new AbortController();
    const answers: Answer[] = [];
    const load = keepCalling(north, {
      token,
      path: "demo/long",
      rounds: long,
      signal: ended.signal,
      onAnswer: (answer) => answers.push(answer),
    });
    await until("a call runs there", async () => ((await seen(north)).running ?? 0) > 0);
    await power.set({ online: false });
    await unplugged();
    ended.abort();
    await load;
    for (const { status, text } of answers) assert.equal(status, 200, text);
    t.diagnostic(answers.map(({ node, ms }) => `${node} ${Math.round(ms)} ms`).join(", "));
    assert.ok((await givenBack()) > before, "nothing was given back");
    await power.set({ online: true });
    await pluggedIn();
  });

  await context.test("paused, it sleeps until its time is over or it is resumed", async () => {
    const asleep = async (): Promise<boolean> => (await seen(north)).state === "asleep";
    const awake = async (): Promise<boolean> => {
      const { state, slots } = await seen(north);
      return state === "alive" && (slots ?? 0) > 0;
    };
    const sleeping = until("it sleeps", asleep);
    await herdAt(laptop, token, ["pause", "4s"]);
    await sleeping;
    await until("it is awake after its time", awake);
    await herdAt(laptop, token, ["pause"]);
    await until("it sleeps again", asleep);
    await mesh.herd(["node", "resume", "laptop"]);
    await until("it is awake when resumed", awake);
  });
});

/** Three callers at a node, until the signal aborts. */
async function keepCalling(
  node: NodeProcess,
  options: { token: string; path: string; rounds: number; signal: AbortSignal; onAnswer: (answer: Answer) => void },
): Promise<void> {
  const body = (): string => `[${options.rounds}]`;
  const calls = Number.POSITIVE_INFINITY;
  await callMany(node, { ...options, body, calls, atATime: 3, deadlineMs });
}
