// Parses the text of an interface, which may be hostile, into its model. Stops at the first fault, and collects none.

import { HerdError } from "../../src/core/errors.js";
import { parseJsonBytes } from "../../src/core/json.js";
import { type Bound, interfaceBounds as bounds, within } from "./bounds.js";
import { checkTypes } from "./check-types.js";
import type { AppInterface } from "./model.js";
import { isWellFormed } from "./unicode.js";

const scalars = new Set<unknown>(["bool", "s8", "s16", "s32", "s64", "u8", "u16", "u32", "u64", "f32", "f64"]);
const kebab = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

type Json = Readonly<Record<string, unknown>>;

/**
 * The interface in UTF-8 `json`: every bound holds, every name is unique in its scope, every named type exists and none
 * contains itself. Throws HerdError `source.invalid`.
 */
export function parseInterface(json: Uint8Array): AppInterface {
  within(bounds.interfaceBytes, json.length);
  checkJsonSize(json);
  const value = parseText(json);
  new Check().app(value);
  const app = value as AppInterface;
  checkTypes(app);
  return app;
}

/** Counts levels and values in one pass over the text, so that the engine's parser allocates within the bounds. */
function checkJsonSize(json: Uint8Array): void {
  let depth = 0;
  let values = 1;
  for (let at = 0; at < json.length; at++) {
    switch (json[at]) {
      case 0x22:
        at = endOfString(json, at);
        break;
      case 0x5b:
      case 0x7b:
        values++;
        if (++depth > bounds.interfaceDepth.most) within(bounds.interfaceDepth, depth);
        break;
      case 0x5d:
      case 0x7d:
        depth--;
        break;
      case 0x2c:
        values++;
        break;
    }
  }
  within(bounds.interfaceValues, values);
}

function endOfString(json: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < json.length && json[at] !== 0x22) at += json[at] === 0x5c ? 2 : 1;
  return at;
}

function parseText(json: Uint8Array): unknown {
  try {
    return parseJsonBytes(json);
  } catch (cause) {
    throw new HerdError("source.invalid", "the component's interface is not JSON in UTF-8", { cause });
  }
}

/** Checks shapes, names and counts; throws at the first fault. */
class Check {
  readonly #path: (string | number)[] = [];
  #parameters = 0;
  #fields = 0;
  #members = 0;

  app(value: unknown): void {
    const app = this.#object(value, ["version", "functions", "records", "enums"]);
    if (app.version !== 1) this.#fail("is of an unknown version");
    this.#each(app, { key: "functions", bound: bounds.callables }, (one) => this.#function(one));
    const types = { names: new Set<string>(), wits: new Set<string>() };
    this.#each(app, { key: "records", bound: bounds.records, scope: types }, (one) => this.#record(one));
    this.#each(app, { key: "enums", bound: bounds.enums, scope: types }, (one) => this.#enum(one));
  }

  #function(value: unknown): Json {
    const fn = this.#object(value, ["name", "wit", "parameters", "result"], ["self", "doc"]);
    const count = this.#each(fn, { key: "parameters", bound: bounds.parameters }, (one) => this.#parameter(one));
    this.#parameters = within(bounds.allParameters, this.#parameters + count);
    if (fn.self !== undefined) {
      this.#text(fn, "self", bounds.interfaceNameLength);
      if ((fn.parameters as Json[]).some(({ name }) => name === "self"))
        this.#fail('has a parameter "self" beside its own');
    }
    if (fn.result !== null) this.#at("result", () => this.#type(fn.result));
    return fn;
  }

  #parameter(value: unknown): Json {
    const parameter = this.#object(value, ["name", "wit", "type"], ["default", "doc"]);
    if (parameter.default !== undefined) this.#text(parameter, "default", bounds.defaultLength);
    this.#at("type", () => this.#type(parameter.type));
    return parameter;
  }

  #record(value: unknown): Json {
    const record = this.#object(value, ["name", "wit", "fields"], ["doc"]);
    const count = this.#each(record, { key: "fields", bound: bounds.fields }, (one) => {
      const field = this.#object(one, ["name", "wit", "type"], ["doc"]);
      this.#at("type", () => this.#type(field.type));
      return field;
    });
    if (count === 0) this.#fail("has no field");
    this.#fields = within(bounds.allFields, this.#fields + count);
    return record;
  }

  #enum(value: unknown): Json {
    const one = this.#object(value, ["name", "wit", "members"], ["doc"]);
    const count = this.#each(one, { key: "members", bound: bounds.members }, (member) =>
      this.#object(member, ["name", "wit"], ["doc"]),
    );
    if (count === 0) this.#fail("has no member");
    this.#members = within(bounds.allMembers, this.#members + count);
    return one;
  }

  #type(value: unknown): void {
    const kind = typeof value === "object" && value !== null ? (value as Json).kind : undefined;
    if (kind === "list" || kind === "set") {
      const { element } = this.#object(value, ["kind", "element"]);
      this.#at("element", () => this.#type(element));
    } else if (kind === "map" || kind === "option") {
      const { value: inner } = this.#object(value, ["kind", "value"]);
      this.#at("value", () => this.#type(inner));
    } else if (kind === "record" || kind === "enum") {
      this.#text(this.#object(value, ["kind", "name"]), "name", bounds.interfaceNameLength);
    } else if (kind === "string" || kind === "bytes" || scalars.has(kind)) {
      this.#object(value, ["kind"]);
    } else {
      this.#fail("is no known type");
    }
  }

  /**
   * Checks each element of an array within its bound, and that the names of one scope differ; returns the number of
   * elements.
   */
  #each(
    parent: Json,
    list: { key: string; bound: Bound; scope?: { names: Set<string>; wits: Set<string> } },
    check: (element: unknown) => Json | undefined,
  ): number {
    const { key, bound, scope = { names: new Set(), wits: new Set() } } = list;
    const elements = parent[key];
    return this.#at(key, () => {
      if (!Array.isArray(elements)) return this.#fail("is no array");
      within(bound, elements.length);
      for (const [index, element] of elements.entries()) {
        this.#at(index, () => {
          const one = check(element);
          if (one !== undefined) this.#named(one, scope);
        });
      }
      return elements.length;
    });
  }

  #named(one: Json, scope: { names: Set<string>; wits: Set<string> }): void {
    const name = this.#text(one, "name", bounds.interfaceNameLength);
    const wit = this.#text(one, "wit", bounds.interfaceNameLength);
    // A name becomes part of URLs, which have no form for a lone surrogate.
    if (!isWellFormed(name)) this.#fail(`has the name ${shown(name)}, which is no Unicode text`);
    if (!kebab.test(wit)) this.#fail(`has the name ${shown(wit)}, which is no identifier of WIT`);
    if (one.doc !== undefined) this.#text(one, "doc", bounds.docLength);
    if (scope.names.has(name)) this.#fail(`is named ${shown(name)} like another`);
    if (scope.wits.has(wit)) this.#fail(`is named ${shown(wit)} like another`);
    scope.names.add(name);
    scope.wits.add(wit);
  }

  #text(one: Json, key: string, bound: Bound): string {
    const text = one[key];
    if (typeof text !== "string") return this.#fail(`has no text ${key}`);
    within(bound, text.length);
    return text;
  }

  /** An object that has all required keys, may have the optional ones, and has no others. */
  #object(value: unknown, keys: readonly string[], optional: readonly string[] = []): Json {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return this.#fail("is no object");
    for (const key in value)
      if (!keys.includes(key) && !optional.includes(key)) this.#fail(`has ${shown(key)}, which is unknown`);
    for (const key of keys) if (!Object.hasOwn(value, key)) this.#fail(`has no ${key}`);
    return value as Json;
  }

  #at<T>(step: string | number, check: () => T): T {
    this.#path.push(step);
    const result = check();
    this.#path.pop();
    return result;
  }

  #fail(what: string): never {
    const place = this.#path.length === 0 ? "" : `: ${this.#path.slice(0, 8).join(".")}`;
    throw new HerdError("source.invalid", `the component's interface cannot be read${place} ${what}`);
  }
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 64));
}
