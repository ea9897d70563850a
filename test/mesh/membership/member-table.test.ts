// The rules by which updates change a member. The same updates in another order end in the same state.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeSigned } from "../../../src/core/signed.js";
import {
  type Announcement,
  announcementPayload,
  decodeAnnouncement,
  type Update,
} from "../../../src/mesh/membership/member-messages.js";
import { isPresent, MemberTable, mark } from "../../../src/mesh/membership/member-table.js";
import { defaultMembersConfig } from "../../../src/mesh/membership/members-config.js";
import { fakeSigner, nodeId } from "../../harness/virtual/member-mesh.js";
import { VirtualTime } from "../../harness/virtual/virtual-time.js";

const mesh = "0".repeat(32);
const self = nodeId(0);

function tableOf(linked: (node: string) => boolean = () => false): [MemberTable, Update[]] {
  const time = new VirtualTime();
  const updates: Update[] = [];
  const table = new MemberTable({
    config: defaultMembersConfig,
    clock: time,
    timers: time,
    self,
    linked,
    spread: (_, update) => updates.push(update),
    changed: () => undefined,
  });
  return [table, updates];
}

function announcement(content: Partial<Announcement> & { readonly node: string }): string {
  const whole = { incarnation: 1, state: "alive" as const, address: "host:1", url: "https://host:2", ...content };
  return encodeSigned(fakeSigner(content.node).sign(announcementPayload(mesh, whole)));
}

const update: fc.Arbitrary<Update> = fc
  .record({
    type: fc.constantFrom("announce" as const, "suspect" as const, "dead" as const),
    node: fc.integer({ min: 1, max: 3 }).map(nodeId),
    incarnation: fc.integer({ min: 1, max: 3 }),
    from: fc.integer({ min: 1, max: 5 }).map(nodeId),
  })
  .map(({ type, node, incarnation, from }) => {
    if (type !== "announce") return [type, node, incarnation, from];
    const state = (["alive", "draining", "asleep"] as const)[incarnation - 1] ?? "alive";
    return [type, announcement({ node, incarnation, state })];
  });

function apply(table: MemberTable, updates: readonly Update[]): void {
  for (const [type, subject, incarnation, from] of updates) {
    if (type === "announce") table.announce(decodeAnnouncement(mesh, subject) as Announcement);
    else table[type](subject, incarnation, { from });
  }
}

test("the same updates, in any order and however often, end in the same states once each came twice", () => {
  const shuffles = fc
    .array(update, { maxLength: 25 })
    .chain((all) => fc.tuple(...Array.from({ length: 4 }, () => fc.shuffledSubarray(all, { minLength: all.length }))));
  fc.assert(
    fc.property(shuffles, ([first = [], second = [], third = [], fourth = []]) => {
      const [[left], [right]] = [tableOf(), tableOf()];
      apply(left, [...first, ...second]);
      apply(right, [...third, ...fourth]);
      const states = (table: MemberTable): unknown =>
        [...table.all()]
          .sort((a, b) => (a.id < b.id ? -1 : 1))
          .map(({ id, state, incarnation }) => [id, state, incarnation]);
      assert.deepEqual(states(left), states(right));
      assert.equal(left.digest, right.digest);
      assert.equal(left.size, 1 + left.all().filter(({ state }) => isPresent(state)).length);
      assert.equal(
        left.digest,
        left.all().reduce((digest, member) => (digest ^ mark(member)) >>> 0, 0),
      );
    }),
  );
});

test("only a node's own announcement of a higher incarnation clears an accusation", () => {
  const [table] = tableOf();
  const node = nodeId(1);
  apply(table, [["announce", announcement({ node, incarnation: 5 })]]);
  apply(table, [
    ["suspect", node, 4, nodeId(2)],
    ["suspect", node, 6, nodeId(2)],
  ]);
  assert.equal(table.get(node)?.state, "alive", "another incarnation");
  apply(table, [
    ["suspect", node, 5, nodeId(2)],
    ["announce", announcement({ node, incarnation: 5 })],
  ]);
  assert.equal(table.get(node)?.state, "suspect");
  apply(table, [["announce", announcement({ node, incarnation: 6, state: "draining" })]]);
  assert.equal(table.get(node)?.state, "draining");
});

test("a peer's finding that a linked node is dead makes it a suspect, not dead", () => {
  const node = nodeId(1);
  for (const [linked, state] of [
    [true, "suspect"],
    [false, "dead"],
  ] as const) {
    const [table] = tableOf(() => linked);
    apply(table, [
      ["announce", announcement({ node })],
      ["dead", node, 1, nodeId(2)],
    ]);
    assert.equal(table.get(node)?.state, state);
  }
});

test("an announcement that is malformed or signed by another node is refused", () => {
  const node = nodeId(1);
  const content = { node, incarnation: 1, state: "alive" as const, address: "host:1", url: "https://host:2" };
  const payload = announcementPayload(mesh, content);
  const sign = (text: string, signer = node): string => encodeSigned(fakeSigner(signer).sign(text));
  assert.equal(decodeAnnouncement(mesh, sign(payload))?.address, "host:1");
  const refused: Record<string, unknown> = {
    "another mesh": sign(announcementPayload("1".repeat(32), content)),
    "signed by another": sign(payload, nodeId(2)),
    "no number": sign(announcementPayload(mesh, { ...content, incarnation: 1.5 })),
    "a huge number": sign(announcementPayload(mesh, { ...content, incarnation: 2 ** 51 })),
    "a state of others": sign(payload.replace('"alive"', '"dead"')),
    "an address with a line break": sign(announcementPayload(mesh, { ...content, address: "host\n:1" })),
    "no port": sign(announcementPayload(mesh, { ...content, address: "host" })),
    "a container that is no yes or no": sign(announcementPayload(mesh, { ...content, contained: 1 as never })),
    "a plain URL": sign(announcementPayload(mesh, { ...content, url: "http://host:1" })),
    "a long URL": sign(announcementPayload(mesh, { ...content, url: `https://${"h".repeat(3_000)}` })),
    "another kind": sign(payload.replace('"member"', '"grant"')),
    "no object": sign("null"),
    "no JSON": sign("{"),
    garbage: "garbage",
    nothing: undefined,
  };
  for (const [what, text] of Object.entries(refused)) assert.equal(decodeAnnouncement(mesh, text), undefined, what);
});
