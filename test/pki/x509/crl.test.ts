// Revocation lists as others read them. What they do in a handshake stands in peer-tls.test.ts.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { crlLifetimeMs, issueCrl, type RevokedCertificate } from "../../../src/pki/x509/crl.js";
import { bytesOf, decodeDer, encodeDer, fromPem, partsOf, time } from "../../../src/pki/x509/der.js";
import { TestMesh } from "../../harness/tls/test-mesh.js";
import { ManualClock } from "../../harness/virtual/manual-clock.js";

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

describe("revocation lists", () => {
  const clock = new ManualClock(Date.UTC(2026, 10, 22, 12, 0, 7));
  let mesh: TestMesh;
  before(async () => {
    mesh = await TestMesh.found(clock);
  });
  const list = (revoked: readonly RevokedCertificate[], number = 1) =>
    issueCrl({ issuer: mesh.master, revoked, number, clock });

  /** The serials of a list, read from its DER. */
  const serialsOf = (pem: string): string[] => {
    const [content] = partsOf(decodeDer(fromPem("X509 CRL", pem) ?? Buffer.alloc(0)));
    const parts = partsOf(content);
    // Version, algorithm, issuer, two times, entries, extensions.
    return parts.length < 7 ? [] : partsOf(parts[5]).map((entry) => bytesOf(partsOf(entry)[0])?.toString("hex") ?? "");
  };

  test("a list has each serial once, and none at all when nothing was revoked", () => {
    const [one, two] = ["4f".repeat(16), "7a".repeat(16)] as const;
    const revoked = [
      { serial: one, at: clock.now() },
      { serial: two.toUpperCase(), at: clock.now() },
      { serial: one.toUpperCase(), at: clock.now() - 1_000 },
    ];
    assert.deepEqual(serialsOf(list(revoked)), [one, two]);
    assert.deepEqual(serialsOf(list([])), []);
    for (const serial of ["", "4", "xy", "00".repeat(21)]) {
      assert.throws(() => list([{ serial, at: 0 }]), TypeError);
    }
    assert.throws(() => list([], -1), RangeError);
  });

  test("times have two digits for the year until 2049, and four from 2050 on", () => {
    assert.equal(encodeDer(time(Date.UTC(2049, 11, 31, 23, 59, 59))).toString("latin1"), "\x17\x0d491231235959Z");
    assert.equal(encodeDer(time(Date.UTC(2050, 0, 1))).toString("latin1"), "\x18\x0f20500101000000Z");
  });

  test("openssl reads a list, and finds its signature good", { skip: !hasOpenssl }, async () => {
    const folder = await mkdtemp(join(tmpdir(), "herd-crl-"));
    try {
      const [crl, ca] = [join(folder, "crl.pem"), join(folder, "ca.pem")];
      await writeFile(crl, list([{ serial: "4f".repeat(16), at: clock.now() - 60_000 }], 258));
      await writeFile(ca, mesh.master.chain.join(""));
      const read = spawnSync("openssl", ["crl", "-in", crl, "-CAfile", ca, "-noout", "-text"], { encoding: "utf8" });
      assert.equal(read.status, 0, read.stderr);
      assert.match(read.stderr, /verify OK/);
      assert.match(read.stdout, /Serial Number: (4F){16}\s+Revocation Date: Nov 22 11:59:07 2026 GMT/);
      assert.match(read.stdout, /Last Update: Nov 22 12:00:07 2026 GMT/);
      assert.match(read.stdout, /X509v3 CRL Number:\s+258/);
      assert.equal(crlLifetimeMs, 7 * 86_400_000);
      assert.match(read.stdout, /Next Update: Nov 29 12:00:07 2026 GMT/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
