// Frames: values arrive however the stream is cut, and bytes that no decoder should read are refused.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  decodeFrame,
  encodeFrame,
  FrameError,
  FrameReader,
  joinFrames,
  maxFrameBytes,
} from "../../../src/mesh/transport/frame.js";
import { scanLimits } from "../../../src/mesh/transport/msgpack-scan.js";

function refused(bytes: Uint8Array, reason: RegExp): void {
  assert.throws(
    () => decodeFrame(bytes),
    (error: unknown) => {
      assert.ok(error instanceof FrameError, String(error));
      assert.match(error.message, reason);
      return true;
    },
  );
}

const json = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);

describe("frames", () => {
  test("an encoded value decodes to the same value", () => {
    fc.assert(
      fc.property(
        json.filter((value) => !JSON.stringify(value).includes("__proto__")),
        (value) => {
          assert.deepEqual(decodeFrame(encodeFrame([value])), [value]);
        },
      ),
    );
    for (const value of [2 ** 40, -(2 ** 40), 2 ** 53 - 1, 0.1, Number.NaN, -1, 255, 65_536, "é".repeat(40_000)]) {
      assert.deepEqual(decodeFrame(encodeFrame(value)), value);
    }
    assert.deepEqual(decodeFrame(encodeFrame([undefined, { x: undefined }])), [null, { x: null }]);
    const bytes = decodeFrame(encodeFrame(new Uint8Array([1, 2, 3])));
    assert.deepEqual(Uint8Array.from(bytes as Uint8Array), Uint8Array.of(1, 2, 3));
  });

  test("a frame that is too large is not sent", () => {
    assert.throws(() => encodeFrame(Buffer.alloc(maxFrameBytes)), RangeError);
    assert.equal((decodeFrame(encodeFrame(Buffer.alloc(maxFrameBytes - 5))) as Buffer).length, maxFrameBytes - 5);
  });

  test("a stream gives the same frames however it is cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { minLength: 1, maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }),
        (frames, cuts) => {
          const stream = joinFrames(frames);
          const seen: Buffer[] = [];
          const reader = new FrameReader((frame) => seen.push(Buffer.from(frame)));
          for (let position = 0, cut = 0; position < stream.length; cut++) {
            const end = position + (cuts[cut % cuts.length] ?? 1);
            reader.push(stream.subarray(position, end));
            position = end;
          }
          assert.deepEqual(
            seen.map((frame) => [...frame]),
            frames.map((frame) => [...frame]),
          );
        },
      ),
    );
  });

  test("refused before any byte is kept: a frame of 2 GB, of a byte too many, and of none", () => {
    for (const length of [2 ** 31, maxFrameBytes + 1, 2 ** 32 - 1, 0]) {
      const head = Buffer.alloc(4);
      head.writeUInt32BE(length);
      const before = process.memoryUsage().arrayBuffers;
      const reader = new FrameReader(() => assert.fail("it was delivered"));
      assert.throws(() => reader.push(head), FrameError);
      const grown = process.memoryUsage().arrayBuffers - before;
      assert.ok(grown < 1024 * 1024, `${grown} bytes for a frame of ${length}`);
    }
  });

  test("an allowed length reserves memory for the bytes that came, not for those announced", () => {
    const before = process.memoryUsage().arrayBuffers;
    const readers = Array.from({ length: 100 }, () => {
      const reader = new FrameReader(() => undefined);
      const head = Buffer.alloc(5);
      head.writeUInt32BE(maxFrameBytes);
      reader.push(head);
      return reader;
    });
    assert.equal(readers.length, 100);
    assert.ok(
      process.memoryUsage().arrayBuffers - before < 20 * 1024 * 1024,
      `${process.memoryUsage().arrayBuffers - before}`,
    );
  });

  test("refused: false counts, depth, floods of values, extensions, keys that are no text, trailing bytes", () => {
    refused(Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]), /announces more/);
    refused(Buffer.from([0xdf, 0x7f, 0xff, 0xff, 0xff, 0xa1, 0x61]), /announces more/);
    refused(Buffer.from([0xc6, 0xff, 0xff, 0xff, 0xff, 1]), /announces more/);
    refused(Buffer.from([0xdb, 0, 1, 0, 0, 1]), /announces more/);
    refused(Buffer.from([0x92, 1]), /announces more/);
    refused(Buffer.from([0x91]), /announces more/);
    refused(Buffer.alloc(0), /ends too early/);
    refused(Buffer.from([0xcf, 1, 2]), /announces more/);
    refused(Buffer.from([0xdd, 0, 0]), /ends too early/);
    refused(Buffer.alloc(maxFrameBytes, 0x91), /nested/);
    refused(Buffer.alloc(maxFrameBytes, 0x81), /key/);
    for (const token of [0xc1, 0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8]) {
      refused(Buffer.concat([Buffer.from([token]), Buffer.alloc(20)]), /unknown type/);
    }
    refused(Buffer.from([0x81, 0x01, 0x01]), /key/);
    refused(Buffer.from([0x01, 0x01]), /follows/);
    const flood = Buffer.alloc(5 + scanLimits.values + 1, 1);
    flood.writeUInt8(0xdd, 0);
    flood.writeUInt32BE(scanLimits.values + 1, 1);
    refused(flood, /more than/);
    const maps = Buffer.alloc(maxFrameBytes, 0x80);
    maps.writeUInt8(0xdd, 0);
    maps.writeUInt32BE(maxFrameBytes - 5, 1);
    refused(maps, /more than/);
  });

  test("any bytes decode, or are refused as a frame", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
        try {
          decodeFrame(bytes);
        } catch (error) {
          assert.ok(error instanceof FrameError, String(error));
        }
      }),
      { numRuns: 2_000 },
    );
    // One flipped byte of a real message reaches deeper than random bytes.
    const real = encodeFrame([3, 17, "call", ["app", { n: [1, 2.5, "x"], m: Buffer.alloc(40) }, null, true]]);
    fc.assert(
      fc.property(fc.nat(real.length - 1), fc.nat(255), (place, byte) => {
        const bytes = Buffer.from(real);
        bytes[place] = byte;
        try {
          decodeFrame(bytes);
        } catch (error) {
          assert.ok(error instanceof FrameError, String(error));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test("no key of a map reaches a prototype", () => {
    const bytes = Buffer.concat([
      Buffer.from([0x81, 0xa9]),
      Buffer.from("__proto__"),
      Buffer.from([0x81, 0xa1, 0x78, 1]),
    ]);
    const value = decodeFrame(bytes) as Record<string, unknown>;
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
    assert.equal(value.x, undefined);
  });
});
