// The files of an upload as modules: what each declares, imports and exports, read from AssemblyScript's AST.

import {
  type ClassDeclaration,
  type DeclarationStatement,
  type EnumDeclaration,
  type ExportDefaultStatement,
  type ExportStatement,
  type FunctionDeclaration,
  type ImportStatement,
  type InterfaceDeclaration,
  type NamespaceDeclaration,
  type Node,
  newOptions,
  newProgram,
  nextFile,
  parse,
  type Source,
  type Statement,
  type TypeDeclaration,
  type VariableDeclaration,
  type VariableStatement,
} from "assemblyscript";
import type { SourceFile } from "../../../src/core/source-file.js";
import { Flag, NodeKind } from "./ast.js";

/** The kinds of meaning of a name. */
export type Declaration =
  | FunctionDeclaration
  | ClassDeclaration
  | InterfaceDeclaration
  | EnumDeclaration
  | TypeDeclaration
  | NamespaceDeclaration
  | VariableDeclaration;

/** The space in which a name is looked up: AssemblyScript lets a type share its name with a function or namespace. */
export type Space = "type" | "value";

/** A name's meaning: a declaration in a module, or a whole module (`import * as N`). */
export type Binding = { readonly module: Module; readonly declaration: Declaration } | { readonly namespace: Module };

interface Link {
  readonly from: string;
  /** Name in the other module; `*` for the whole module. */
  readonly name: string;
}

/** A search through modules: its space, and the visited modules. */
interface Way {
  readonly space: Space;
  readonly seen: Set<Module>;
}

/** One file of an upload. `path` has no extension, as AssemblyScript names modules. */
export interface Module {
  readonly path: string;
  readonly source: Source;
  /** Declarations by name: classes and enums are in both. */
  readonly declared: Readonly<Record<Space, ReadonlyMap<string, Declaration>>>;
  readonly imports: ReadonlyMap<string, Link>;
  /** Exported name → a local name, or a name of another module. */
  readonly exports: ReadonlyMap<string, string | Link>;
  /** Modules of `export * from`. */
  readonly stars: readonly string[];
  /** Places where `export { … }` repeats a name that was exported before. */
  readonly twins: readonly ExportTwin[];
}

/** Two exports of one name: the nodes of both. */
interface ExportTwin {
  readonly name: string;
  readonly first: Node;
  readonly second: Node;
}

/** The modules that an entry reaches. */
export class ModuleGraph {
  readonly #modules = new Map<string, Module>();
  readonly entry: Module;

  /** Parses `entry` and its imports from `files`; syntax errors are left to the compiler, which reports all of them. */
  constructor(files: ReadonlyMap<string, SourceFile>, entry: SourceFile) {
    const program = newProgram(newOptions());
    parse(program, entry.text, entry.path, true);
    for (let path = nextFile(program); path !== null; path = nextFile(program)) {
      const file = files.get(`${path}.ts`) ?? files.get(`${path}/index.ts`);
      parse(program, file === undefined ? null : file.text, file?.path ?? `${path}.ts`, false);
    }
    for (const source of program.sources) {
      const module = readModule(source);
      this.#modules.set(module.path, module);
    }
    this.entry = this.#modules.get(entry.path.replace(/\.ts$/, "")) as Module;
  }

  /** The meaning of `name` inside `module`; undefined when no file of the upload declares it. */
  lookUp(module: Module, name: string, space: Space): Binding | undefined {
    const declaration = declaredAs(module, { name, space });
    if (declaration !== undefined) return { module, declaration };
    const link = module.imports.get(name);
    return link === undefined ? undefined : this.#follow(link, { space, seen: new Set() });
  }

  /** The meaning of `name` among the exports of `module`. */
  lookUpExport(module: Module, name: string, space: Space): Binding | undefined {
    return this.#export(module, name, { space, seen: new Set() });
  }

  /** Declarations to which several `export *` of `module` give one name that it does not export itself. */
  ambiguousExport(module: Module, name: string): Declaration[] {
    if (module.exports.has(name)) return [];
    const found = new Set<Declaration>();
    for (const star of module.stars) {
      const from = this.#module(star);
      const binding = from && this.#export(from, name, { space: "value", seen: new Set([module]) });
      if (binding !== undefined && "declaration" in binding) found.add(binding.declaration);
    }
    return found.size > 1 ? [...found] : [];
  }

  /** Every exported name of `module`, those of `export *` included, in source order. */
  exportNames(module: Module): string[] {
    const names = new Set<string>();
    const seen = new Set<Module>();
    const visit = (one: Module): void => {
      if (seen.has(one)) return;
      seen.add(one);
      for (const name of one.exports.keys()) names.add(name);
      for (const star of one.stars) {
        const target = this.#module(star);
        if (target !== undefined) visit(target);
      }
    };
    visit(module);
    return [...names];
  }

  #export(module: Module, name: string, way: Way): Binding | undefined {
    if (way.seen.has(module)) return undefined;
    way.seen.add(module);
    const target = module.exports.get(name);
    if (typeof target === "string") return this.lookUp(module, target, way.space);
    if (target !== undefined) return this.#follow(target, way);
    for (const star of module.stars) {
      const from = this.#module(star);
      const binding = from === undefined ? undefined : this.#export(from, name, way);
      if (binding !== undefined) return binding;
    }
    return undefined;
  }

  #follow(link: Link, way: Way): Binding | undefined {
    const from = this.#module(link.from);
    if (from === undefined) return undefined;
    return link.name === "*" ? { namespace: from } : this.#export(from, link.name, way);
  }

  #module(path: string): Module | undefined {
    return this.#modules.get(path) ?? this.#modules.get(`${path}/index`);
  }
}

/**
 * The declaration of `name` in `space`; else the one in the other space, so that the caller can report the mismatch.
 */
function declaredAs({ declared }: Module, { name, space }: { name: string; space: Space }): Declaration | undefined {
  return declared[space].get(name) ?? declared[space === "type" ? "value" : "type"].get(name);
}

const typeKinds = new Set<number>([
  NodeKind.ClassDeclaration,
  NodeKind.EnumDeclaration,
  NodeKind.InterfaceDeclaration,
  NodeKind.TypeDeclaration,
]);
const valueKinds = new Set<number>([
  NodeKind.ClassDeclaration,
  NodeKind.EnumDeclaration,
  NodeKind.FunctionDeclaration,
  NodeKind.VariableDeclaration,
]);

function readModule(source: Source): Module {
  const declared = { type: new Map<string, Declaration>(), value: new Map<string, Declaration>() };
  const imports = new Map<string, Link>();
  const exports = new Map<string, string | Link>();
  const stars: string[] = [];
  const twins: ExportTwin[] = [];
  const places = new Map<string, Node>();
  const enter = (declaration: Declaration): void => {
    const { kind, name } = declaration;
    if (typeKinds.has(kind)) declared.type.set(name.text, declaration);
    // A namespace extends the class, enum or function with its name, and is a meaning of its own only without one.
    if (valueKinds.has(kind) || (kind === NodeKind.NamespaceDeclaration && !declared.value.has(name.text)))
      declared.value.set(name.text, declaration);
  };
  const declare = (declaration: DeclarationStatement): void => {
    enter(declaration as Declaration);
    if ((declaration.flags & Flag.Export) === 0) return;
    exports.set(declaration.name.text, declaration.name.text);
    places.set(declaration.name.text, declaration.name);
  };
  for (const statement of source.statements) {
    if (isDeclaration(statement)) declare(statement);
    else if (statement.kind === NodeKind.Variable) (statement as VariableStatement).declarations.forEach(declare);
    else if (statement.kind === NodeKind.Import) readImport(statement as ImportStatement, imports);
    else if (statement.kind === NodeKind.Export)
      readExport(statement as ExportStatement, { exports, stars, twins, places });
    else if (statement.kind === NodeKind.ExportDefault) {
      const { declaration } = statement as ExportDefaultStatement;
      enter(declaration as Declaration);
      exports.set("default", declaration.name.text);
      places.set("default", declaration.name);
    }
  }
  return { path: source.internalPath, source, declared, imports, exports, stars, twins };
}

function isDeclaration(statement: Statement): statement is DeclarationStatement {
  switch (statement.kind) {
    case NodeKind.FunctionDeclaration:
    case NodeKind.ClassDeclaration:
    case NodeKind.InterfaceDeclaration:
    case NodeKind.EnumDeclaration:
    case NodeKind.TypeDeclaration:
    case NodeKind.NamespaceDeclaration:
      return true;
    default:
      return false;
  }
}

function readImport(statement: ImportStatement, imports: Map<string, Link>): void {
  const from = statement.internalPath;
  if (statement.namespaceName !== null) imports.set(statement.namespaceName.text, { from, name: "*" });
  for (const { name, foreignName } of statement.declarations ?? []) {
    imports.set(name.text, { from, name: foreignName.text });
  }
}

interface ModuleExports {
  readonly exports: Map<string, string | Link>;
  readonly stars: string[];
  readonly twins: ExportTwin[];
  readonly places: Map<string, Node>;
}

function readExport(statement: ExportStatement, { exports, stars, twins, places }: ModuleExports): void {
  const from = statement.internalPath;
  if (statement.members === null) {
    if (from !== null) stars.push(from);
    return;
  }
  for (const { localName, exportedName } of statement.members) {
    const name = exportedName.text;
    const first = places.get(name);
    if (first !== undefined) twins.push({ name, first, second: exportedName });
    places.set(name, exportedName);
    exports.set(name, from === null ? localName.text : { from, name: localName.text });
  }
}
