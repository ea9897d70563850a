// What hostile and usual inputs cost the main thread: processor time, each with a limit that a slow machine keeps.

import assert from "node:assert/strict";
import { test } from "node:test";
import { WitScope } from "../../runtime/interface/names.js";
import { checkSourceText } from "../../runtime/interface/source-text.js";
import { prepare } from "../../runtime/sandbox/prepare/prepare.js";
import { Preparer } from "../../runtime/sandbox/prepare/preparer.js";
import { threadCpuMs } from "../../runtime/sandbox/prepare/thread-cpu.js";
import { systemClock } from "../../src/core/clock.js";
import { defaultLimits } from "../../src/core/limits.js";
import { decodeFrame, FrameReader, joinFrames, maxFrameBytes } from "../../src/mesh/transport/frame.js";
import { scanLimits } from "../../src/mesh/transport/msgpack-scan.js";
import { makeEnrolledKey, signerOf } from "../../src/pki/identity/enrolled-key.js";
import { TokenAuthority, tokenKey } from "../../src/pki/tokens/tokens.js";
import { makeCsr, parseCsr } from "../../src/pki/x509/csr.js";
import { toPem } from "../../src/pki/x509/der.js";
import { rsaKey } from "../../src/pki/x509/rsa-key.js";
import { readUpload } from "../../src/server/endpoints/upload-body.js";
import { MemoryFiles } from "../../src/storage/state-files.js";
import { TestMesh } from "../harness/tls/test-mesh.js";
import { hugeCsr } from "../pki/x509/hand-made-csr.js";
import { mutualHandshake } from "../pki/x509/mutual-tls.js";
import { failureOf } from "../runtime/sandbox/guests.js";
import { bombs, overfull, overfullComponent } from "../security/many-sections.js";
import { below, cpuMs } from "./measure.js";

test("a frame that is refused costs at most 50 ms, whatever its size", async (t) => {
  const flood = Buffer.alloc(5 + scanLimits.values + 1, 1);
  flood.writeUInt8(0xdd, 0);
  flood.writeUInt32BE(scanLimits.values + 1, 1);
  const maps = Buffer.alloc(maxFrameBytes, 0x80);
  maps.writeUInt8(0xdd, 0);
  maps.writeUInt32BE(maxFrameBytes - 5, 1);
  const frames = {
    "a list that announces four billion values": Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]),
    "nested lists": Buffer.alloc(maxFrameBytes, 0x91),
    "nested maps": Buffer.alloc(maxFrameBytes, 0x81),
    "a flood of values": flood,
    "a flood of maps": maps,
  };
  for (const [what, bytes] of Object.entries(frames))
    below(t, what, { found: await cpuMs(() => assert.throws(() => decodeFrame(bytes))), limit: 50 });
  for (const length of [2 ** 31, maxFrameBytes + 1, 0]) {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(length);
    const read = () => assert.throws(() => new FrameReader(() => assert.fail("it was delivered")).push(head));
    below(t, `a frame of ${length} bytes`, { found: await cpuMs(read), limit: 50 });
  }
});

test("a frame of the largest size in small pieces costs its size, not its square", async (t) => {
  const stream = joinFrames([Buffer.alloc(maxFrameBytes, 1)]);
  const run = (): void => {
    let frames = 0;
    const reader = new FrameReader(() => frames++);
    for (let at = 0; at < stream.length; at += 8_192) reader.push(stream.subarray(at, at + 8_192));
    assert.equal(frames, 1);
  };
  // Copied again for each piece, the frame would take 4 GiB.
  below(t, "in pieces of 8 KiB", { found: await cpuMs(run), limit: 400 });
});

test("a certificate request is refused before it costs: a huge key, and each damaged byte", async (t) => {
  const huge = hugeCsr();
  below(t, "16,384 bits", { found: await cpuMs(() => assert.throws(() => parseCsr(huge))), limit: 50 });
  const der = Buffer.from(makeCsr(await rsaKey(2_048)).split("-----")[2] ?? "", "base64");
  const damage = (): void => {
    for (let index = 0; index < der.length; index++) {
      const changed = Buffer.from(der);
      changed[index] = (changed[index] ?? 0) ^ 0xff;
      assert.throws(() => parseCsr(toPem("CERTIFICATE REQUEST", changed)));
    }
  };
  below(t, `${der.length} damaged requests`, { found: await cpuMs(damage), limit: 1_000 });
});

test("a handshake that is refused costs at most 50 ms on both sides together", async (t) => {
  const [mesh, other] = await Promise.all([TestMesh.found(systemClock), TestMesh.found(systemClock)]);
  const [a, b] = ["a".repeat(32), "b".repeat(32)];
  const shake = (client: Parameters<typeof mutualHandshake>[0]["client"]) =>
    mutualHandshake({ ca: mesh.root.certificate, meshId: mesh.root.meshId, server: mesh.peer(a), client });
  // The first handshake of a process costs what the others do not.
  await shake(mesh.peer(b));
  for (const [what, client] of [
    ["no certificate", undefined],
    ["another root", other.peer(b)],
    ["a master's certificate", mesh.masterCredential()],
  ] as const) {
    const costs = [await shake(client), await shake(client), await shake(client)];
    for (const { server } of costs) assert.ok("refused" in server, `${what} was accepted`);
    below(t, what, { found: Math.min(...costs.map((cost) => cost.cpuMs)), limit: 50 });
  }
});

test("a component beyond a bound is refused within a second", async (t) => {
  const options = { revision: "r", limits: { memoryBytes: 4 * 65_536 } };
  for (const [{ of }, id, entry, count] of overfull) {
    const bytes = overfullComponent(id, entry, count);
    const refuse = async (): Promise<void> => {
      assert.equal((await failureOf(prepare(bytes, options))).code, "source.invalid");
    };
    below(t, of, { found: await cpuMs(refuse), limit: 1_000 });
  }
});

test("names of thousands of twins are made in linear time", async (t) => {
  const claim = (): void => {
    const scope = new WitScope();
    for (let index = 0; index < 40_000; index++) scope.claim(index % 2 === 0 ? "twin" : "t_w_i_n");
  };
  below(t, "40,000 names", { found: await cpuMs(claim), limit: 1_000 });
});

test("a source beyond a bound is refused in no time that grows with it", async (t) => {
  for (const text of [`[${"[],".repeat(4_000_000)}0]`, `[${'"\\\\",'.repeat(2_000_000)}0]`]) {
    const bytes = Buffer.from(text);
    const found = await cpuMs(() => assert.throws(() => checkSourceText(bytes)));
    below(t, `${bytes.length} bytes`, { found, limit: 250 });
  }
});

test("a form with thousands of parts is refused without parsing them", async (t) => {
  const part = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.ts"\r\n\r\n\r\n';
  const form = Buffer.from(`${part.repeat(18_000)}--x--\r\n`);
  const limits = { sourceBytes: 1_000, sourceFiles: 2 };
  const read = () =>
    assert.rejects(async () => readUpload('multipart/form-data; boundary="x"', limits)(form), {
      code: "request.too-large",
    });
  below(t, "18,000 parts", { found: await cpuMs(read), limit: 200 });
});

test("a token seen before costs a few microseconds", async (t) => {
  const parts = { key: await tokenKey(), signer: signerOf(await makeEnrolledKey()), files: new MemoryFiles() };
  const tokens = new TokenAuthority({ meshId: "0123456789abcdef0123456789abcdef", clock: systemClock, ...parts });
  await tokens.open();
  const { token } = await tokens.issue({ role: "invoke", ttlSeconds: 60 });
  await tokens.verify(token);
  const calls = 20_000;
  const ms = await cpuMs(() => {
    for (let call = 0; call < calls; call++) tokens.verifyCached(token);
  });
  // 2 µs on a usual machine; the limit tells a hash from a signature on a slow one, too.
  below(t, "a look at the cache", { found: (ms * 1_000) / calls, limit: 25, unit: "µs" });
});

test("the main thread only hands a component over to the thread that looks at it", {
  skip: threadCpuMs(process.pid) === undefined && "no account of a thread's time here",
}, async (t) => {
  const preparer = new Preparer({ limits: defaultLimits, clock: systemClock });
  t.after(() => preparer.stop());
  for (const [what, bytes] of Object.entries(bombs)) {
    const before = threadCpuMs(process.pid) ?? 0;
    assert.equal((await failureOf(preparer.prepare(bytes, what))).code, "source.invalid");
    below(t, what, { found: (threadCpuMs(process.pid) ?? 0) - before, limit: 150 });
  }
});
