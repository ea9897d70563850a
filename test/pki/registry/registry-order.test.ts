// The registry in any order: whatever is said to whom and when, nodes end in the same state and nothing is un-revoked.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HerdError } from "../../../src/core/errors.js";
import { Registry } from "../../../src/pki/registry/registry.js";
import { keyIdentifierOf } from "../../../src/pki/x509/certificate.js";
import { MemoryFiles } from "../../../src/storage/state-files.js";
import { offer, offerAll, storesOf } from "../identity/offering.js";
import { PaperMesh, type PaperNode } from "../mesh-records.js";

const mesh = await PaperMesh.found();
const m1 = await mesh.master("m1");
const m2 = await mesh.master("m2");
const m3 = await mesh.master("m3");
const [n1, n2, n3] = [mesh.node("n1"), mesh.node("n2"), mesh.node("n3")];
const at = mesh.clock.now();
const founding = [mesh.grant(m1), mesh.admission(m1, { master: m1, parent: null, approvedBy: "founder" })];

function registryOver(): Registry {
  const { meshId, clock, root } = mesh;
  return new Registry({ meshId, rootCertificate: root.certificate, files: new MemoryFiles(), clock });
}

/** All that a registry says, as one value. */
function stateOf(registry: Registry): unknown {
  const nodes = registry.nodes().map(({ key: _, ...node }) => node);
  return {
    nodes: nodes.sort((a, b) => (a.id < b.id ? -1 : 1)),
    masters: [...registry.masters()].sort((a, b) => (a.node < b.node ? -1 : 1)),
    revoked: [m1, m2, m3, n1, n2, n3].map(({ id }) => registry.isRevoked(id)),
    issuers: [m1, m2, m3].map(({ certificate }) => registry.issuerRevoked(keyIdentifierOf(certificate ?? ""))),
    ids: storesOf(registry).map((store) => [...store.ids()].sort()),
  };
}

/** Offers texts until nothing changes any more, as a replica does with those that wait. */
async function settle(registry: Registry, texts: readonly string[]): Promise<void> {
  const revokedBefore = new Set(registry.nodes().flatMap(({ id, revoked }) => (revoked ? [id] : [])));
  let news = true;
  while (news) {
    news = false;
    for (const text of texts) {
      const answer = await offer(registry, text).catch((error: unknown) => {
        if (error instanceof HerdError) return "refused";
        throw error;
      });
      news ||= answer === "new";
    }
  }
  for (const id of revokedBefore) assert.equal(registry.isRevoked(id), true, "something was un-revoked");
}

const everyText = (registry: Registry): string[] =>
  storesOf(registry).flatMap((store) => [...store.ids()].map((id) => store.get(id) ?? ""));

const paper: Readonly<Record<string, PaperNode>> = { m1, m2, m3, n1, n2, n3 };
const named = (name: string): PaperNode => paper[name] ?? m1;

/** Something that one master says of a node or of itself, small enough to be read when a property fails. */
const said = fc.record({
  what: fc.constantFrom("admission", "revocation", "address"),
  by: fc.constantFrom("m1", "m2", "m3"),
  // The first master is the one that lasts: a mesh that lost all has nobody to repeat what they said.
  of: fc.constantFrom("m2", "m3", "n1", "n2", "n3"),
  offset: fc.integer({ min: -10, max: 10 }),
});

function textOf({ what, by, of, offset }: { what: string; by: string; of: string; offset: number }): string {
  const [master, node, when] = [named(by), named(of), at + offset];
  if (what === "admission") return mesh.admission(node, { master, at: when });
  if (what === "revocation") return mesh.revocation(node, { master, at: when });
  return mesh.record("address", { node: master.id, url: `https://h:${10 + offset}`, peer: null, at: when }, master);
}

/** What a master says again for masters that were revoked, as its registry tells. */
async function repeat(registry: Registry, master: PaperNode): Promise<void> {
  await settle(
    registry,
    registry.orphans().map(({ payload }) => JSON.stringify(master.signer.sign(payload))),
  );
}

/**
 * A mesh in which each of four nodes hears its own part of `texts` in its own order, until all have compared with all.
 */
async function spread(texts: readonly string[], random: () => number): Promise<Registry[]> {
  const registries = [registryOver(), registryOver(), registryOver(), registryOver()];
  const parts: string[][] = registries.map(() => []);
  for (const text of texts) parts[Math.floor(random() * parts.length)]?.splice(Math.floor(random() * 20), 0, text);
  for (const [index, registry] of registries.entries()) await settle(registry, parts[index] ?? []);
  for (let round = 0; round < 4; round++) {
    for (const to of registries) for (const from of registries) if (to !== from) await settle(to, everyText(from));
    // What waited is offered again, as a replica does.
    for (const [index, registry] of registries.entries()) await settle(registry, parts[index] ?? []);
    for (const registry of registries.slice(0, 1)) await repeat(registry, m1);
  }
  return registries;
}

const numRuns = Number(process.env.HERD_SEEDS ?? 25);
const everyone = [...founding, ...[m2, m3].flatMap((each) => [mesh.grant(each), mesh.admission(each, { master: m1 })])];

test("what a lasting master has heard ends in the same state in any order and partition", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(said, { maxLength: 12 }),
      fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
      async (facts, chance) => {
        const lasting = await offerAll(registryOver(), everyone);
        const heard: string[] = [];
        for (const fact of facts) {
          const answer = await offer(lasting, textOf(fact)).catch(() => "refused");
          if (answer !== "refused") heard.push(textOf(fact));
          await repeat(lasting, m1);
        }
        const texts = [...everyone, ...heard, ...everyText(lasting)];
        for (const registry of await spread(texts, () => Number(chance.next().value))) {
          assert.deepEqual(stateOf(registry), stateOf(lasting));
        }
      },
    ),
    { numRuns },
  );
});

test("in any order of records, no revocation is undone, and all nodes have the lasting master's", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(said, { maxLength: 12 }),
      fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
      async (facts, chance) => {
        const [lasting, ...others] = await spread([...everyone, ...facts.map(textOf)], () =>
          Number(chance.next().value),
        );
        for (const { id } of lasting?.nodes() ?? []) {
          if (!lasting?.isRevoked(id)) continue;
          for (const registry of others) assert.equal(registry.isRevoked(id), true);
        }
      },
    ),
    { numRuns },
  );
});
