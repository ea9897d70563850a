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
import { Flag, NodeKind } from "./ast.js";
import type { SourceFile } from "./sources.js";

/** What a name can stand for. */
export type Declaration =
  | FunctionDeclaration
  | ClassDeclaration
  | InterfaceDeclaration
  | EnumDeclaration
  | TypeDeclaration
  | NamespaceDeclaration
  | VariableDeclaration;

/** A name's meaning: a declaration in a module, or a whole module (`import * as N`). */
export type Binding = { readonly module: Module; readonly declaration: Declaration } | { readonly namespace: Module };

interface Link {
  readonly from: string;
  /** Name over there; `*` for the whole module. */
  readonly name: string;
}

/** One file of an upload. `path` has no extension, as AssemblyScript names modules. */
export interface Module {
  readonly path: string;
  readonly source: Source;
  readonly declarations: ReadonlyMap<string, Declaration>;
  readonly imports: ReadonlyMap<string, Link>;
  /** Exported name → a local name, or a name of another module. */
  readonly exports: ReadonlyMap<string, string | Link>;
  /** Modules of `export * from`. */
  readonly stars: readonly string[];
}

/** The modules that an entry reaches. */
export class ModuleGraph {
  readonly #modules = new Map<string, Module>();
  readonly entry: Module;

  /** Parses `entry` and what it imports of `files`; syntax errors are left to the compiler, which reports them all. */
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

  /** What `name` means inside `module`; undefined when no file of the upload says. */
  lookUp(module: Module, name: string): Binding | undefined {
    const declaration = module.declarations.get(name);
    if (declaration !== undefined) return { module, declaration };
    const link = module.imports.get(name);
    return link === undefined ? undefined : this.#follow(link, new Set());
  }

  /** What `module` exports as `name`. */
  lookUpExport(module: Module, name: string): Binding | undefined {
    return this.#export(module, name, new Set());
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

  #export(module: Module, name: string, seen: Set<Module>): Binding | undefined {
    if (seen.has(module)) return undefined;
    seen.add(module);
    const target = module.exports.get(name);
    if (typeof target === "string") return this.lookUp(module, target);
    if (target !== undefined) return this.#follow(target, seen);
    for (const star of module.stars) {
      const from = this.#module(star);
      const binding = from === undefined ? undefined : this.#export(from, name, seen);
      if (binding !== undefined) return binding;
    }
    return undefined;
  }

  #follow(link: Link, seen: Set<Module>): Binding | undefined {
    const from = this.#module(link.from);
    if (from === undefined) return undefined;
    return link.name === "*" ? { namespace: from } : this.#export(from, link.name, seen);
  }

  #module(path: string): Module | undefined {
    return this.#modules.get(path) ?? this.#modules.get(`${path}/index`);
  }
}

function readModule(source: Source): Module {
  const declarations = new Map<string, Declaration>();
  const imports = new Map<string, Link>();
  const exports = new Map<string, string | Link>();
  const stars: string[] = [];
  const declare = (declaration: DeclarationStatement): void => {
    declarations.set(declaration.name.text, declaration as Declaration);
    if ((declaration.flags & Flag.Export) !== 0) exports.set(declaration.name.text, declaration.name.text);
  };
  for (const statement of source.statements) {
    if (isDeclaration(statement)) declare(statement);
    else if (statement.kind === NodeKind.Variable) (statement as VariableStatement).declarations.forEach(declare);
    else if (statement.kind === NodeKind.Import) readImport(statement as ImportStatement, imports);
    else if (statement.kind === NodeKind.Export) readExport(statement as ExportStatement, { exports, stars });
    else if (statement.kind === NodeKind.ExportDefault) {
      const { declaration } = statement as ExportDefaultStatement;
      declarations.set(declaration.name.text, declaration as Declaration);
      exports.set("default", declaration.name.text);
    }
  }
  return { path: source.internalPath, source, declarations, imports, exports, stars };
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

function readExport(statement: ExportStatement, into: { exports: Map<string, string | Link>; stars: string[] }): void {
  const from = statement.internalPath;
  if (statement.members === null) {
    if (from !== null) into.stars.push(from);
    return;
  }
  for (const { localName, exportedName } of statement.members) {
    into.exports.set(exportedName.text, from === null ? localName.text : { from, name: localName.text });
  }
}
