// Lifting: core values or bytes in the guest's memory become JSON text at once, within a budget of bytes
// (component-model CanonicalABI.md, "Loading" and "Flattening").
import type { ScalarKind, ValueType } from "../../interface/model.js";
import type { CoreValue } from "../web-assembly.js";
import type { Lifter } from "./codec.js";
import { InvalidPointer } from "./heap.js";
import { numberReader, scalarLifter, scalarLoad } from "./scalars.js";
import type { TypeTable } from "./types.js";

/** The lifter of `type`. */
export function lifter(type: ValueType, types: TypeTable): Lifter {
  switch (type.kind) {
    case "string":
      return { load: loadString };
    case "bytes":
      return { load: loadBytes };
    case "list":
    case "set":
      return listLifter(type.element, types);
    case "map":
      return mapLifter(type.value, types);
    case "option":
      return optionLifter(type.value, types);
    case "record":
    case "enum": {
      let named = types.lifters.get(type.name);
      if (named === undefined) {
        named = (type.kind === "record" ? recordLifter : enumLifter)(type.name, types);
        types.lifters.set(type.name, named);
      }
      return named;
    }
    default:
      return scalar(type.kind, scalarLifter(type.kind));
  }
}

function recordLifter(name: string, types: TypeTable): Lifter {
  const fields = types.fields(name);
  return objectLifter(
    fields.map(({ field, offset }) => ({ name: field.name, offset, inner: lifter(field.type, types) })),
  );
}

/** The lifter of a tuple as an object: a record, or a method's `self` and `result`. */
export function objectLifter(members: readonly { name: string; offset: number; inner: Lifter }[]): Lifter {
  const parts = members.map(({ name, offset, inner }, index) => ({
    lead: `${index === 0 ? "{" : ","}${JSON.stringify(name)}:`,
    offset,
    inner,
  }));
  const leadLength = parts.reduce((length, { lead }) => length + lead.length, 0);
  const load: Lifter["load"] = (heap, address, budget) => {
    budget.take(leadLength);
    let text = "";
    for (const { lead, offset, inner } of parts) text += lead + inner.load(heap, address + offset, budget);
    return `${text}}`;
  };
  const [only, second] = parts;
  const unflatten = second === undefined ? only?.inner.unflatten : undefined;
  if (only === undefined || unflatten === undefined) return { load };
  return { load, unflatten: (value) => `${only.lead}${unflatten(value)}}` };
}

function scalar(kind: ScalarKind, text: (value: CoreValue) => string): Lifter {
  const read = scalarLoad(kind);
  return {
    load: (heap, address, budget) => {
      const lifted = text(read(heap.view, address));
      budget.take(lifted.length);
      return lifted;
    },
    unflatten: text,
  };
}

function enumLifter(name: string, types: TypeTable): Lifter {
  const texts = types.members(name).map((member) => JSON.stringify(member));
  const toIndex = scalarLifter(types.discriminant(name));
  return scalar(types.discriminant(name), (value) => {
    const text = texts[Number(toIndex(value))];
    if (text === undefined) throw new InvalidPointer();
    return text;
  });
}

const loadString: Lifter["load"] = (heap, address, budget) => {
  const { view } = heap;
  const units = view.getUint32(address + 4, true);
  budget.take(units + 2);
  const at = heap.range(view.getUint32(address, true), { bytes: units * 2, align: 2 });
  const text = heap.jsonText(at, units);
  budget.take(text.length - units - 2);
  return text;
};

const loadBytes: Lifter["load"] = (heap, address, budget) => {
  const { view } = heap;
  const length = view.getUint32(address + 4, true);
  budget.take(Math.ceil(length / 3) * 4 + 2);
  const at = heap.range(view.getUint32(address, true), { bytes: length, align: 1 });
  return `"${heap.bytes.toString("base64", at, at + length)}"`;
};

/** Numbers that become text at once: more would go far beyond a budget that is used up. */
const chunkLength = 4_096;

/**
 * Elements whose texts become one at once. A text is a tree of its parts until then, and the trees of a long list would
 * outlive a collection: 10,000 records took twice as long.
 */
const flatLength = 128;

function listLifter(element: ValueType, types: TypeTable): Lifter {
  const inner = lifter(element, types);
  const numbers = numberReader(element.kind);
  const { size, align } = types.abi.layout(element);
  return {
    load: (heap, address, budget) => {
      const { view } = heap;
      const length = view.getUint32(address + 4, true);
      const at = heap.range(view.getUint32(address, true), { bytes: length * size, align });
      // Two brackets, and commas between.
      budget.take(Math.max(2, length + 1));
      const texts: string[] = [];
      let index = 0;
      for (; numbers !== undefined && index < length; index += chunkLength) {
        const count = Math.min(chunkLength, length - index);
        const text = numbers(heap, { address: at + index * size, length: count });
        if (text === undefined) break;
        // The commas were taken with the brackets.
        budget.take(text.length - count + 1);
        texts.push(text);
      }
      while (index < length) {
        const end = Math.min(length, index + flatLength);
        const some: string[] = [];
        for (; index < end; index++) some.push(inner.load(heap, at + index * size, budget));
        texts.push(some.join(","));
      }
      return `[${texts.join(",")}]`;
    },
  };
}

function mapLifter(valueType: ValueType, types: TypeTable): Lifter {
  const inner = lifter(valueType, types);
  const { size, align, offsets } = types.abi.tuple([{ kind: "string" }, valueType]);
  const valueOffset = offsets[1] ?? 0;
  return {
    load: (heap, address, budget) => {
      const { view } = heap;
      const length = view.getUint32(address + 4, true);
      const start = heap.range(view.getUint32(address, true), { bytes: length * size, align });
      budget.take(length * 2 + 2);
      const texts: string[] = [];
      for (let at = start; at < start + length * size; at += size) {
        texts.push(`${loadString(heap, at, budget)}:${inner.load(heap, at + valueOffset, budget)}`);
      }
      return `{${texts.join(",")}}`;
    },
  };
}

function optionLifter(type: ValueType, types: TypeTable): Lifter {
  const inner = lifter(type, types);
  const offset = types.payloadOffset(type);
  return {
    load: (heap, address, budget) => {
      const discriminant = heap.view.getUint8(address);
      if (discriminant === 1) return inner.load(heap, address + offset, budget);
      if (discriminant !== 0) throw new InvalidPointer();
      budget.take(4);
      return "null";
    },
  };
}
