// The part of the glue that depends on types: AssemblyScript that reads each type from core values or memory, and
// writes it back.
import type { CanonicalAbi } from "../../interface/layout.js";
import type { EnumType } from "../../interface/model.js";
import type { GuestClass, GuestField, GuestType, GuestTypes } from "../source/guest-types.js";

/** A place in linear memory: a pointer expression and a constant offset. */
interface MemoryPlace {
  readonly pointer: string;
  readonly offset: number;
}

/** Destination of a value, and the statement for a value that its type does not allow. */
export interface StorePlace extends MemoryPlace {
  readonly refused: string;
}

/** Expressions and helper functions for the types of one app; each helper is written once, at its first use. */
export class GlueTypes {
  readonly #abi: CanonicalAbi;
  readonly #classes: ReadonlyMap<string, GuestClass>;
  readonly #enums: ReadonlyMap<string, EnumType>;
  readonly #helpers = new Map<string, { name: string; text: string }>();

  constructor(types: GuestTypes, abi: CanonicalAbi) {
    this.#abi = abi;
    this.#classes = new Map(types.classes.map((one) => [one.alias, one]));
    this.#enums = new Map(types.enums.map((one) => [one.alias, one.type]));
  }

  /** Text of every used helper function. */
  definitions(): string[] {
    return [...this.#helpers.values()].map(({ text }) => text);
  }

  /** An expression of `type` from its flattened core values. */
  fromFlat(type: GuestType, values: readonly string[]): string {
    switch (type.form) {
      case "scalar":
        return type.text === "bool" ? `${values[0]} != 0` : `<${type.text}>${values[0]}`;
      case "enum":
        return `${this.#enumFrom(type)}(${values[0]})`;
      case "option":
      case "record":
        return `${this.#flatHelper(type)}(${values.join(", ")})`;
      default:
        return `${this.#listFrom(type)}(${values.join(", ")})`;
    }
  }

  /** An expression of `type` from memory. */
  load(type: GuestType, pointer: string, offset: number): string {
    const place = offset === 0 ? pointer : `${pointer}, ${offset}`;
    switch (type.form) {
      case "scalar":
        return type.text === "bool" ? `load<u8>(${place}) != 0` : `load<${type.text}>(${place})`;
      case "enum":
        return `${this.#enumFrom(type)}(<i32>load<${this.#discriminant(type)}>(${place}))`;
      case "option":
      case "record":
        return `${this.#loadHelper(type)}(${pointer} + ${offset})`;
      default:
        return `${this.#listFrom(type)}(load<u32>(${pointer}, ${offset}), load<u32>(${pointer}, ${offset + 4}))`;
    }
  }

  /** A statement that writes `value` to memory; `refused` is the statement when its type does not allow it. */
  store(type: GuestType, value: string, { pointer, offset, refused }: StorePlace): string {
    if (type.form === "scalar") {
      const text = type.text === "bool" ? "u8" : type.text;
      return `store<${text}>(${pointer}, ${type.text === "bool" ? `<u8>${value}` : value}, ${offset});`;
    }
    return `if (${this.#storeHelper(type)}(${pointer} + ${offset}, ${value})) ${refused};`;
  }

  /** Statements that put the one core value of a `type` that flattens to one into `flat`; `path` names the value. */
  toCore(type: GuestType, value: string, path: string): string[] {
    if (type.form === "enum") {
      const check = `if (flat < 0) { isForeign("${this.#enum(type).name}"); fail("${path}"); }`;
      return [`const flat: i32 = ${this.#enumTo(type)}(${value});`, check];
    }
    if (type.form === "record") {
      const field = this.#class(type).fields[0] as GuestField;
      const inner = this.#readField(type, { value, name: field.name, text: field.type.text });
      const check = `if (changetype<usize>(${value}) == 0) { isNull("${this.#nameOf(type)}"); fail("${path}"); }`;
      return [check, ...this.toCore(field.type, inner, `${path}.${field.name}`)];
    }
    const core = this.#abi.flatten(type.value)[0] as string;
    return [`const flat = <${core}>(${value});`];
  }

  #helper(kind: string, type: GuestType, write: (name: string) => string): string {
    const key = `${kind} ${type.form} ${type.text}`;
    let known = this.#helpers.get(key);
    if (known === undefined) {
      known = { name: `${kind}${this.#helpers.size}`, text: "" };
      this.#helpers.set(key, known);
      known.text = write(known.name);
    }
    return known.name;
  }

  #flatHelper(type: GuestType): string {
    return this.#helper("flat", type, (name) => {
      const cores = this.#abi.flatten(type.value);
      const parameters = cores.map((core, at) => `a${at}: ${core}`).join(", ");
      const values = cores.map((_, at) => `a${at}`);
      if (type.form === "option") {
        const some = this.fromFlat(type.element as GuestType, values.slice(1));
        return `function ${name}(${parameters}): ${type.text} { if (a0 == 0) return null; return ${some}; }`;
      }
      let next = 0;
      const fields = this.#class(type).fields.map((field) => {
        const taken = values.slice(next, next + this.#abi.flatten(field.type.value).length);
        next += taken.length;
        return this.fromFlat(field.type, taken);
      });
      return `function ${name}(${parameters}): ${type.text} {${this.#construct(type, fields)}}`;
    });
  }

  #loadHelper(type: GuestType): string {
    return this.#helper("load", type, (name) => {
      const head = `function ${name}(p: usize): ${type.text} {`;
      if (type.form === "option") {
        const element = type.element as GuestType;
        const some = this.load(element, "p", this.#abi.payloadOffset(element.value));
        return `${head} if (load<u8>(p) == 0) return null; return ${some}; }`;
      }
      const { offsets } = this.#abi.tuple(this.#class(type).type.fields.map((field) => field.type));
      const fields = this.#class(type).fields.map((field, at) => this.load(field.type, "p", offsets[at] as number));
      return `${head}${this.#construct(type, fields)}}`;
    });
  }

  #storeHelper(type: GuestType): string {
    return this.#helper("store", type, (name) => {
      const isReference = type.form !== "option" && type.form !== "enum";
      const check = isReference ? `if (changetype<usize>(v) == 0) return isNull("${this.#nameOf(type)}"); ` : "";
      return `function ${name}(p: usize, v: ${type.text}): bool { ${check}${this.#storeBody(type)} return false; }`;
    });
  }

  #storeBody(type: GuestType): string {
    const pair = (start: string, count: string): string => `store<usize>(p, ${start}); store<u32>(p, ${count}, 4);`;
    const element = type.element as GuestType;
    switch (type.form) {
      case "string":
        return pair("changetype<usize>(v)", "v.length");
      case "buffer":
        return pair("changetype<usize>(v)", "v.byteLength");
      case "typed":
        return pair("v.dataStart", "v.length");
      case "option": {
        const place = { pointer: "p", offset: this.#abi.payloadOffset(element.value), refused: "return true" };
        return `if (v === null) { store<u8>(p, 0); return false; } store<u8>(p, 1); ${this.store(element, "v", place)}`;
      }
      case "enum": {
        const foreign = `isForeign("${this.#enum(type).name}")`;
        const text = this.#discriminant(type);
        return `const i = ${this.#enumTo(type)}(v); if (i < 0) return ${foreign}; store<${text}>(p, <${text}>i);`;
      }
      case "record": {
        const { fields, type: record } = this.#class(type);
        const { offsets } = this.#abi.tuple(record.fields.map((field) => field.type));
        const store = (field: GuestClass["fields"][number], at: number): string => {
          const value = this.#readField(type, { value: "v", name: field.name, text: field.type.text });
          const refused = `return inField("${field.name}")`;
          return this.store(field.type, value, { pointer: "p", offset: offsets[at] as number, refused });
        };
        return fields.map(store).join(" ");
      }
      case "map": {
        const { size, offsets } = this.#abi.tuple([{ kind: "string" }, element.value]);
        const value = this.store(element, "unchecked(values[i])", {
          pointer: "q",
          offset: offsets[1] as number,
          refused: "return atKey(unchecked(keys[i]))",
        });
        const key = this.store({ value: { kind: "string" }, text: "string", form: "string" }, "unchecked(keys[i])", {
          pointer: "q",
          offset: 0,
          refused: 'return atIndex(i) && inField("keys()")',
        });
        return (
          `const keys = v.keys(); const values = v.values(); const n = keys.length; ` +
          `const out = allocate(n * ${size}); ` +
          `for (let i = 0, q = out; i < n; i++, q += ${size}) { ${key} ${value} } ${pair("out", "n")}`
        );
      }
      default:
        return this.#storeElements(type, pair);
    }
  }

  #storeElements(type: GuestType, pair: (start: string, count: string) => string): string {
    const element = type.element as GuestType;
    const { size } = this.#abi.layout(element.value);
    const source = type.form === "set" ? "const a = v.values();" : "const a = v;";
    if (isBlock(element)) {
      const start = type.form === "static" ? "changetype<usize>(a)" : "a.dataStart";
      return (
        `${source} const n = a.length; const out = allocate(n * ${size}); ` +
        `memory.copy(out, ${start}, n * ${size}); ${pair("out", "n")}`
      );
    }
    const each = this.store(element, "unchecked(a[i])", { pointer: "q", offset: 0, refused: "return atIndex(i)" });
    return (
      `${source} const n = a.length; const out = allocate(n * ${size}); ` +
      `for (let i = 0, q = out; i < n; i++, q += ${size}) { ${each} } ${pair("out", "n")}`
    );
  }

  /** Types that cross as pointer and length: strings, buffers, lists, sets, maps. */
  #listFrom(type: GuestType): string {
    return this.#helper("list", type, (name) => {
      return `function ${name}(p: usize, n: u32): ${type.text} { ${this.#listBody(type)} }`;
    });
  }

  #listBody(type: GuestType): string {
    const element = type.element as GuestType;
    switch (type.form) {
      case "string":
        return "return String.UTF16.decodeUnsafe(p, <usize>n << 1);";
      case "buffer":
        return "const v = new ArrayBuffer(n); memory.copy(changetype<usize>(v), p, n); return v;";
      case "typed": {
        const size = element === undefined ? 1 : this.#abi.layout(element.value).size;
        return `const v = new ${type.text}(n); memory.copy(v.dataStart, p, <usize>n * ${size}); return v;`;
      }
      case "map": {
        const { size, offsets } = this.#abi.tuple([{ kind: "string" }, element.value]);
        const key = this.load({ value: { kind: "string" }, text: "string", form: "string" }, "p", 0);
        const value = this.load(element, "p", offsets[1] as number);
        return (
          `const v = new ${type.text}(); ` +
          `for (let i: u32 = 0; i < n; i++, p += ${size}) v.set(${key}, ${value}); return v;`
        );
      }
      default:
        return this.#elementsBody(type, element);
    }
  }

  #elementsBody(type: GuestType, element: GuestType): string {
    const { size } = this.#abi.layout(element.value);
    const load = this.load(element, "p", 0);
    if (type.form === "set")
      return `const v = new ${type.text}(); for (let i: u32 = 0; i < n; i++, p += ${size}) v.add(${load}); return v;`;
    const make = `const v = new ${type.text}(n);`;
    if (isBlock(element)) {
      const start = type.form === "static" ? "changetype<usize>(v)" : "v.dataStart";
      return `${make} memory.copy(${start}, p, <usize>n * ${size}); return v;`;
    }
    return `${make} for (let i: u32 = 0; i < n; i++, p += ${size}) v[i] = ${load}; return v;`;
  }

  /**
   * Statements that make an object without its constructor and return it. Fields may be private or readonly, so the
   * memory is written directly.
   */
  #construct(type: GuestType, values: readonly string[]): string {
    const { fields } = this.#class(type);
    const name = type.text;
    const lines = fields.map((field, at) => `const b${at}: ${field.type.text} = ${values[at]};`);
    lines.push(`const o = changetype<${name}>(__new(offsetof<${name}>(), idof<${name}>()));`);
    for (const [at, field] of fields.entries()) {
      const place = `changetype<usize>(o), b${at}, offsetof<${name}>("${field.name}")`;
      lines.push(`store<${field.type.text}>(${place});`);
      const reference = field.type.form !== "scalar" && field.type.form !== "enum";
      if (reference) lines.push(`__link(changetype<usize>(o), changetype<usize>(b${at}), false);`);
    }
    return ` ${lines.join(" ")} return o; `;
  }

  #readField(type: GuestType, { value, name, text }: { value: string; name: string; text: string }): string {
    return `load<${text}>(changetype<usize>(${value}), offsetof<${type.text}>("${name}"))`;
  }

  #enumFrom(type: GuestType): string {
    return this.#helper("enum", type, (name) => {
      const cases = this.#enum(type).members.map((member, at) => `if (i == ${at}) return ${type.text}.${member.name};`);
      return (
        `function ${name}(i: i32): ${type.text} { ${cases.join(" ")} ` +
        `throw new Error("no member has this index"); }`
      );
    });
  }

  #enumTo(type: GuestType): string {
    return this.#helper("index", type, (name) => {
      const cases = this.#enum(type).members.map((member, at) => `if (v == ${type.text}.${member.name}) return ${at};`);
      return `function ${name}(v: ${type.text}): i32 { ${cases.join(" ")} return -1; }`;
    });
  }

  /** A type as its source has it, for messages. */
  #nameOf(type: GuestType): string {
    const element = type.element === undefined ? "" : this.#nameOf(type.element);
    switch (type.form) {
      case "record":
        return this.#class(type).type.name;
      case "enum":
        return this.#enum(type).name;
      case "option":
        return `${element} | null`;
      case "array":
        return `Array<${element}>`;
      case "static":
        return `StaticArray<${element}>`;
      case "set":
        return `Set<${element}>`;
      case "map":
        return `Map<string, ${element}>`;
      default:
        return type.text;
    }
  }

  #discriminant(type: GuestType): string {
    return `u${this.#abi.enumSize(this.#enum(type).name) * 8}`;
  }

  #class(type: GuestType): GuestClass {
    return this.#classes.get(type.text) as GuestClass;
  }

  #enum(type: GuestType): EnumType {
    return this.#enums.get(type.text) as EnumType;
  }
}

/** Whether a list of `element` lies in memory as the canonical ABI has it: scalars, side by side. */
function isBlock(element: GuestType): boolean {
  return element.form === "scalar";
}
