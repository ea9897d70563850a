// The stored source of a revision, as a hostile peer may send it: counted before it is read, and nothing but files.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sourceBounds } from "../../runtime/interface/bounds.js";
import { checkSourceText } from "../../runtime/interface/source-text.js";
import { HerdError } from "../../src/core/errors.js";

const files = (count: number): string =>
  JSON.stringify(Array.from({ length: count }, (_, index) => ({ path: `${index}.ts`, text: 'a[{,"\\' })));

function refusal(json: string | Buffer): string {
  try {
    checkSourceText(Buffer.from(json));
    return "none";
  } catch (error) {
    return error instanceof HerdError ? `${error.code}: ${error.message}` : String(error);
  }
}

test("sources up to the bounds are taken", () => {
  assert.equal(refusal(files(0)), "none");
  assert.equal(refusal(files(sourceBounds.files.most)), "none");
});

test("more bytes or files than that are refused by the bound's name", () => {
  const { sourceBytes, files: fileBound } = sourceBounds;
  const long = Buffer.alloc(sourceBytes.most + 1, " ");
  assert.match(refusal(long), new RegExp(`source.invalid: .*${sourceBytes.of}: ${long.length}; at most`));
  const named = new RegExp(`source.invalid: .*${fileBound.of}: [0-9]+; at most ${fileBound.most}`);
  assert.match(refusal(files(fileBound.most + 1)), named);
  assert.match(refusal(`[${"[],".repeat(4_000_000)}0]`), named);
  assert.match(refusal(`[${'"\\\\",'.repeat(2_000_000)}0]`), named);
});

test("what is no list of files is refused", () => {
  const wrong = [
    "",
    "{}",
    "[1]",
    "[null]",
    "[[]]",
    '[{"path":"a"}]',
    '[{"path":1,"text":""}]',
    '[{"path":"","text":[]}]',
  ];
  const more = ['[{"path":"","text":"","x":1}]', JSON.stringify([{ path: "p".repeat(1_025), text: "" }]), "[", '["'];
  for (const json of [...wrong, ...more])
    assert.match(refusal(json), /^source.invalid: the revision's source is/, json);
  assert.match(refusal(Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d])), /UTF-8/);
});
