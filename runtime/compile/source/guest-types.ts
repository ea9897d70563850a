// Resolves a type in a source to the value that crosses, or to the reason why it cannot cross.
import type {
  ClassDeclaration,
  EnumDeclaration,
  FieldDeclaration,
  IdentifierExpression,
  NamedTypeNode,
  Node,
  TypeDeclaration,
  TypeName,
  TypeNode,
} from "assemblyscript";
import type { EnumType, RecordType, ScalarKind, ValueType } from "../../interface/model.js";
import { WitScope } from "../../interface/names.js";
import { Flag, NodeKind } from "./ast.js";
import { docOf } from "./doc-comment.js";
import type { Binding, Declaration, Module, ModuleGraph } from "./modules.js";

/** A type of a source that can cross. */
export interface GuestType {
  readonly value: ValueType;
  /** The type as the glue spells it. */
  readonly text: string;
  readonly form:
    | "scalar"
    | "string"
    | "buffer"
    | "typed"
    | "array"
    | "static"
    | "set"
    | "map"
    | "option"
    | "record"
    | "enum";
  /** Element of a list or set, value of a map or an option. */
  readonly element?: GuestType;
}

/** A field of a record, with its name and type in the source. */
export interface GuestField {
  readonly name: string;
  readonly type: GuestType;
}

/** A class or enum that crosses: its type in the interface, and how the glue reaches it. */
export interface GuestClass {
  readonly type: RecordType;
  readonly alias: string;
  readonly module: string;
  readonly exportName: string;
  readonly fields: readonly GuestField[];
}

/** An enum that crosses. */
export interface GuestEnum {
  readonly type: EnumType;
  readonly alias: string;
  readonly module: string;
  readonly exportName: string;
}

/** Something in a source that cannot cross. */
export interface Refusal {
  readonly node: Node;
  readonly message: string;
}

const scalars: Readonly<Record<string, readonly [ScalarKind, string]>> = {
  bool: ["bool", "bool"],
  boolean: ["bool", "bool"],
  i8: ["s8", "i8"],
  i16: ["s16", "i16"],
  i32: ["s32", "i32"],
  i64: ["s64", "i64"],
  u8: ["u8", "u8"],
  u16: ["u16", "u16"],
  u32: ["u32", "u32"],
  u64: ["u64", "u64"],
  f32: ["f32", "f32"],
  f64: ["f64", "f64"],
  number: ["f64", "f64"],
};

const typedArrays: Readonly<Record<string, string>> = {
  Int8Array: "i8",
  Int16Array: "i16",
  Int32Array: "i32",
  Int64Array: "i64",
  Uint8ClampedArray: "u8",
  Uint16Array: "u16",
  Uint32Array: "u32",
  Uint64Array: "u64",
  Float32Array: "f32",
  Float64Array: "f64",
};

const refusedNames: Readonly<Record<string, string>> = {
  isize: "isize is the size of a pointer and cannot cross; use i32",
  usize: "usize is the size of a pointer and cannot cross; use u32",
  v128: "v128 cannot cross",
  Date: "Date cannot cross; use i64, milliseconds since the epoch",
  void: "void is only a result",
};

/** The classes and enums of one app that cross, found by resolving the types of its signatures. */
export class GuestTypes {
  readonly refusals: Refusal[] = [];
  /** Whether the upload does not know a name: the compiler reports it, with the reason. */
  unresolved = false;
  readonly #graph: ModuleGraph;
  readonly #names: ReadonlyMap<Declaration, string>;
  readonly #classes = new Map<Declaration, GuestClass | undefined>();
  readonly #enums = new Map<Declaration, GuestEnum>();
  readonly #open = new Set<Declaration>();
  readonly #taken = new Set<string>();
  readonly #wit = new WitScope();

  /** `names`: the names under which the entry exports a declaration, if it does. */
  constructor(graph: ModuleGraph, names: ReadonlyMap<Declaration, string>) {
    this.#graph = graph;
    this.#names = names;
  }

  /** Records that cross; records that others contain come first. */
  get classes(): GuestClass[] {
    return [...this.#classes.values()].filter((one) => one !== undefined);
  }

  /** Enums that cross. */
  get enums(): GuestEnum[] {
    return [...this.#enums.values()];
  }

  /** Records that `node` cannot cross. */
  refuse(node: Node, message: string): undefined {
    if (!this.refusals.some((one) => one.node === node)) this.refusals.push({ node, message });
    return undefined;
  }

  /** Makes a WIT name in the scope that types and functions share. */
  claimWit(name: string): string {
    return this.#wit.claim(name);
  }

  /** The value that crosses for the type `node` of `module`; undefined when it cannot, which is noted. */
  resolve(node: TypeNode, module: Module): GuestType | undefined {
    if (node.kind === NodeKind.FunctionType) return this.refuse(node, "a function cannot cross");
    if (node.kind !== NodeKind.NamedType) return this.refuse(node, "a tuple cannot cross; use a class");
    const named = node as NamedTypeNode;
    const bare = this.#bare(named, module);
    return bare === undefined || !named.isNullable || bare.form === "option" ? bare : optionOf(bare);
  }

  /** The record of class `declaration`; undefined when it cannot cross, which is noted at `at` or inside it. */
  resolveClass(declaration: ClassDeclaration, module: Module, at: Node): GuestType | undefined {
    const name = declaration.name.text;
    if (this.#open.has(declaration)) return this.refuse(at, `the class ${name} contains itself and cannot cross`);
    if (!this.#classes.has(declaration)) {
      this.#open.add(declaration);
      const built = this.#buildClass(declaration, module, at);
      this.#open.delete(declaration);
      this.#classes.set(declaration, built);
    }
    const known = this.#classes.get(declaration);
    if (known === undefined) return this.refuse(at, `the class ${name} cannot cross`);
    return { value: { kind: "record", name: known.type.name }, text: known.alias, form: "record" };
  }

  /** Fields and methods of `declaration`, those of its base classes first. */
  lineage(declaration: ClassDeclaration, module: Module): { declaration: ClassDeclaration; module: Module }[] {
    const lineage: { declaration: ClassDeclaration; module: Module }[] = [];
    let next: { declaration: ClassDeclaration; module: Module } | undefined = { declaration, module };
    while (next !== undefined && !lineage.some((one) => one.declaration === next?.declaration)) {
      lineage.unshift(next);
      const base: NamedTypeNode | null = next.declaration.extendsType;
      if (base === null) break;
      const binding: Binding | undefined = this.#bind(base.name, next.module);
      if (binding === undefined || "namespace" in binding || binding.declaration.kind !== NodeKind.ClassDeclaration) {
        this.refuse(base, `the class ${declaration.name.text} extends one that is not in the upload and cannot cross`);
        break;
      }
      next = { declaration: binding.declaration as ClassDeclaration, module: binding.module };
      if (next.declaration.isGeneric) {
        this.refuse(base, `the class ${declaration.name.text} extends a generic class and cannot cross`);
        break;
      }
    }
    return lineage;
  }

  #bare(node: NamedTypeNode, module: Module): GuestType | undefined {
    const binding = this.#bind(node.name, module);
    if (binding !== undefined) return this.#declared(node, binding);
    const name = node.name.next === null ? node.name.identifier.text : "";
    return this.#builtin(name, { node, module });
  }

  #declared(node: NamedTypeNode, binding: Binding): GuestType | undefined {
    if ("namespace" in binding) return this.refuse(node, "a module is no type");
    const { declaration, module } = binding;
    switch (declaration.kind as number) {
      case NodeKind.TypeDeclaration:
        return this.#alias(declaration as TypeDeclaration, module, node);
      case NodeKind.ClassDeclaration: {
        const { isGeneric, name } = declaration as ClassDeclaration;
        if (isGeneric) return this.refuse(node, `the generic class ${name.text} cannot cross`);
        return this.resolveClass(declaration as ClassDeclaration, module, node);
      }
      case NodeKind.EnumDeclaration:
        return this.#enum(declaration as EnumDeclaration, module, node);
      case NodeKind.InterfaceDeclaration:
        return this.refuse(node, `the interface ${declaration.name.text} cannot cross; use an exported class`);
      default:
        return this.refuse(node, `${declaration.name.text} is no type that can cross`);
    }
  }

  #alias(declaration: TypeDeclaration, module: Module, at: Node): GuestType | undefined {
    const name = declaration.name.text;
    if (declaration.typeParameters !== null) return this.refuse(at, `the generic type ${name} cannot cross`);
    if (this.#open.has(declaration)) return this.refuse(at, `the type ${name} contains itself and cannot cross`);
    this.#open.add(declaration);
    const resolved = this.resolve(declaration.type, module);
    this.#open.delete(declaration);
    return resolved;
  }

  #builtin(name: string, { node, module }: { node: NamedTypeNode; module: Module }): GuestType | undefined {
    const scalar = scalars[name];
    if (scalar !== undefined) return { value: { kind: scalar[0] }, text: scalar[1], form: "scalar" };
    const arguments_ = node.typeArguments ?? [];
    const element = (at: number): GuestType | undefined => {
      const argument = arguments_[at];
      return argument === undefined ? this.#unknown() : this.resolve(argument, module);
    };
    const list = (form: "array" | "static" | "set", kind: "list" | "set"): GuestType | undefined => {
      const of = element(0);
      return of && { value: { kind, element: of.value }, text: `${name}<${of.text}>`, form, element: of };
    };
    const typed = typedArrays[name];
    if (typed !== undefined) {
      const of: GuestType = {
        value: { kind: (scalars[typed] as [ScalarKind, string])[0] },
        text: typed,
        form: "scalar",
      };
      return { value: { kind: "list", element: of.value }, text: name, form: "typed", element: of };
    }
    switch (name) {
      case "string":
      case "String":
        return { value: { kind: "string" }, text: "string", form: "string" };
      case "Uint8Array":
        return { value: { kind: "bytes" }, text: name, form: "typed" };
      case "ArrayBuffer":
        return { value: { kind: "bytes" }, text: name, form: "buffer" };
      case "Array":
        return list("array", "list");
      case "StaticArray":
        return list("static", "list");
      case "Set":
        return list("set", "set");
      case "Map": {
        const key = element(0);
        const of = element(1);
        if (key === undefined || of === undefined) return undefined;
        if (key.form !== "string") return this.refuse(node, "the keys of a map that crosses must be strings");
        return { value: { kind: "map", value: of.value }, text: `Map<string,${of.text}>`, form: "map", element: of };
      }
      default: {
        const reason = refusedNames[name];
        return reason === undefined ? this.#unknown(node, name) : this.refuse(node, reason);
      }
    }
  }

  #unknown(node?: NamedTypeNode, name = ""): undefined {
    this.unresolved = true;
    if (node !== undefined) this.refuse(node, name === "" ? "this type cannot cross" : `${name} cannot cross`);
    return undefined;
  }

  #bind(name: TypeName, module: Module): Binding | undefined {
    let binding = this.#graph.lookUp(module, name.identifier.text, "type");
    for (let part = name.next; part !== null && binding !== undefined; part = part.next) {
      binding =
        "namespace" in binding ? this.#graph.lookUpExport(binding.namespace, part.identifier.text, "type") : undefined;
    }
    return binding;
  }

  #buildClass(declaration: ClassDeclaration, module: Module, at: Node): GuestClass | undefined {
    const exportName = exportNameOf(declaration, module);
    const name = declaration.name.text;
    if (exportName === undefined) return this.refuse(at, `the class ${name} is not exported and cannot cross`);
    // Objects of such classes have no header, so they cannot be made or kept alive here.
    if (declaration.decorators?.some((one) => (one.name as IdentifierExpression).text === "unmanaged")) {
      return this.refuse(at, `the unmanaged class ${name} cannot cross`);
    }
    if ((declaration.flags & Flag.Abstract) !== 0) return this.refuse(at, `the abstract class ${name} cannot cross`);
    const wit = new WitScope();
    const fields: GuestField[] = [];
    const types: RecordType["fields"][number][] = [];
    let whole = true;
    for (const level of this.lineage(declaration, module)) {
      for (const member of level.declaration.members) {
        if ((member.kind as number) !== NodeKind.FieldDeclaration || (member.flags & Flag.Static) !== 0) continue;
        const field = member as FieldDeclaration;
        if (fields.some((one) => one.name === field.name.text)) continue;
        const type =
          field.type === null
            ? this.refuse(field, "a field that crosses needs a type")
            : this.resolve(field.type, level.module);
        if (type === undefined) {
          whole = false;
          continue;
        }
        fields.push({ name: field.name.text, type });
        types.push({ name: field.name.text, wit: wit.claim(field.name.text), type: type.value, ...docOf(field) });
      }
    }
    if (!whole) return undefined;
    if (fields.length === 0) return this.refuse(at, `the class ${name} has no field and cannot cross`);
    const unique = this.#claim(declaration);
    const type = { name: unique, wit: this.claimWit(unique), fields: types, ...docOf(declaration) };
    return { type, alias: `C${this.#taken.size}`, module: module.path, exportName, fields };
  }

  #enum(declaration: EnumDeclaration, module: Module, at: Node): GuestType | undefined {
    let known = this.#enums.get(declaration);
    if (known === undefined) {
      const exportName = exportNameOf(declaration, module);
      const name = declaration.name.text;
      if (exportName === undefined) return this.refuse(at, `the enum ${name} is not exported and cannot cross`);
      if (declaration.values.length === 0) return this.refuse(at, `the enum ${name} has no member and cannot cross`);
      const wit = new WitScope();
      const members = declaration.values.map((value) => {
        return { name: value.name.text, wit: wit.claim(value.name.text), ...docOf(value) };
      });
      const unique = this.#claim(declaration);
      const type = { name: unique, wit: this.claimWit(unique), members, ...docOf(declaration) };
      known = { type, alias: `E${this.#taken.size}`, module: module.path, exportName };
      this.#enums.set(declaration, known);
    }
    return { value: { kind: "enum", name: known.type.name }, text: known.alias, form: "enum" };
  }

  #claim(declaration: Declaration): string {
    const base = this.#names.get(declaration) ?? declaration.name.text;
    let name = base;
    for (let n = 2; this.#taken.has(name); n++) name = `${base}${n}`;
    this.#taken.add(name);
    return name;
  }
}

/** `T | null`. */
function optionOf(type: GuestType): GuestType {
  const text = type.form === "scalar" || type.form === "enum" ? type.text : `${type.text}|null`;
  return { value: { kind: "option", value: type.value }, text, form: "option", element: type };
}

/** The name under which `module` exports `declaration`. */
function exportNameOf(declaration: Declaration, module: Module): string | undefined {
  for (const [exported, local] of module.exports) if (local === declaration.name.text) return exported;
  return undefined;
}
