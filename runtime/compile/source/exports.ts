// An app's callable exports, read from the AST: the interface, and what the glue needs to call each export.
import type {
  ClassDeclaration,
  FunctionDeclaration,
  MethodDeclaration,
  NamespaceDeclaration,
  Node,
  ParameterNode,
  Statement,
  TypeNode,
} from "assemblyscript";
import type { AppInterface, FunctionType, Parameter } from "../../interface/model.js";
import { WitScope } from "../../interface/names.js";
import { Flag, NodeKind, ParameterKind } from "./ast.js";
import type { Place } from "./diagnostics.js";
import { docOf, parameterDoc } from "./doc-comment.js";
import { type GuestType, GuestTypes } from "./guest-types.js";
import type { Binding, Declaration, Module, ModuleGraph } from "./modules.js";
import { type AppendedCode, placeOf } from "./upload-places.js";

/** A parameter as the glue passes it; `fallback` names the function, appended to its module, that gives its default. */
interface GuestParameter {
  readonly name: string;
  readonly type: GuestType;
  readonly fallback?: { readonly module: string; readonly name: string };
}

/** A callable export, and how the glue calls it: `target(…)`, `target.member(…)` or, with `self`, `self.member(…)`. */
export interface GuestFunction {
  readonly type: FunctionType;
  readonly module: string;
  readonly exportName: string;
  readonly member?: string;
  readonly self?: GuestType;
  readonly parameters: readonly GuestParameter[];
  readonly result: GuestType | null;
  /** The place of its name's declaration. */
  readonly at: Place;
}

/** The exports of an upload; `appended` is code to add behind a module's own, by its path without extension. */
export interface GuestExports {
  readonly interface: AppInterface;
  readonly types: GuestTypes;
  readonly functions: readonly GuestFunction[];
  readonly appended: ReadonlyMap<string, readonly AppendedCode[]>;
}

/**
 * Reads the exports of `graph`'s entry. Types that cannot cross are noted in `types.refusals`; the rest is still read.
 */
export function readExports(graph: ModuleGraph): GuestExports {
  const reader = new ExportReader(graph);
  for (const { name, first, second } of graph.entry.twins) reader.refuseTwins(name, first, second);
  for (const [name, binding] of reader.bindings) reader.read(name, binding);
  const { types, functions, appended } = reader;
  const app: AppInterface = {
    version: 1,
    functions: functions.map(({ type }) => type),
    records: types.classes.map(({ type }) => type),
    enums: types.enums.map(({ type }) => type),
  };
  return { interface: app, types, functions, appended };
}

interface Callable {
  readonly declaration: FunctionDeclaration;
  /** Module of the declaration, in which its types are resolved. */
  readonly module: Module;
  readonly name: string;
  readonly target: { readonly module: string; readonly exportName: string };
  readonly member?: string;
  readonly self?: GuestType;
}

class ExportReader {
  readonly bindings = new Map<string, Binding>();
  readonly types: GuestTypes;
  readonly functions: GuestFunction[] = [];
  readonly appended = new Map<string, AppendedCode[]>();
  readonly #graph: ModuleGraph;
  readonly #endpoints = new Map<string, Node>();

  constructor(graph: ModuleGraph) {
    this.#graph = graph;
    const names = new Map<Declaration, string>();
    for (const name of graph.exportNames(graph.entry)) {
      const value = graph.lookUpExport(graph.entry, name, "value");
      if (value !== undefined) this.bindings.set(name, value);
      for (const binding of [graph.lookUpExport(graph.entry, name, "type"), value]) {
        if (binding === undefined || "namespace" in binding) continue;
        if (!names.has(binding.declaration)) names.set(binding.declaration, name);
      }
    }
    this.types = new GuestTypes(graph, names);
  }

  read(name: string, binding: Binding): void {
    if ("namespace" in binding) return;
    const { declaration, module } = binding;
    const [first, ...others] = this.#graph.ambiguousExport(this.#graph.entry, name);
    for (const other of first === undefined ? [] : others) {
      this.refuseTwins(name, (first as Declaration).name, other.name);
    }
    const target = { module: this.#graph.entry.path, exportName: name };
    switch (declaration.kind as number) {
      case NodeKind.FunctionDeclaration:
        this.#readCallable({ declaration: declaration as FunctionDeclaration, module, name, target });
        break;
      case NodeKind.ClassDeclaration:
        this.#readClass(declaration as ClassDeclaration, { module, name, target });
        break;
      case NodeKind.NamespaceDeclaration:
        if (!exportsFunction((declaration as NamespaceDeclaration).members)) break;
        this.types.refuse(declaration, "the functions of a namespace cannot be called; export them from the file");
        break;
      case NodeKind.VariableDeclaration:
        this.#readVariable(declaration);
        break;
      default:
        break;
    }
  }

  #readVariable(declaration: Declaration): void {
    const { initializer } = declaration as { initializer?: Node | null };
    if ((initializer?.kind as number | undefined) === NodeKind.Function) {
      this.types.refuse(declaration, "a function in a variable cannot be called; declare it as a function");
    }
  }

  #readClass(declaration: ClassDeclaration, at: Pick<Callable, "module" | "name" | "target">): void {
    if (declaration.isGeneric) {
      this.types.refuse(declaration.name, `the generic class ${at.name} cannot cross; export one for each type`);
      return;
    }
    const methods = new Map<string, { declaration: MethodDeclaration; module: Module }>();
    for (const level of this.types.lineage(declaration, at.module)) {
      for (const member of level.declaration.members) {
        if ((member.kind as number) !== NodeKind.MethodDeclaration || (member.flags & hiddenFlags) !== 0) continue;
        if ((member.flags & Flag.Static) !== 0 && level.declaration !== declaration) continue;
        const kind = (member.flags & Flag.Static) !== 0 ? "static" : "instance";
        methods.set(`${kind} ${member.name.text}`, { declaration: member as MethodDeclaration, module: level.module });
      }
    }
    for (const { declaration: member, module } of methods.values()) {
      const method = member.name.text;
      const name = `${at.name}.${method}`;
      if ((member.flags & Flag.Static) !== 0) {
        this.#readCallable({ declaration: member, module, name, target: at.target, member: method });
        continue;
      }
      const self = this.types.resolveClass(declaration, at.module, declaration.name);
      if (self === undefined) return;
      this.#readCallable({ declaration: member, module, name, target: at.target, member: method, self });
    }
  }

  #readCallable(callable: Callable): void {
    const { declaration, module, name, member, self } = callable;
    const { signature, typeParameters } = declaration;
    if (typeParameters !== null && typeParameters.length > 0) {
      this.types.refuse(
        declaration.name,
        `the generic ${member === undefined ? "function" : "method"} ${name} cannot cross; export one for each type`,
      );
      return;
    }
    if ((declaration.flags & Flag.Declare) !== 0) {
      this.types.refuse(declaration.name, `${name} is declared without a body, and nothing gives it to the guest`);
      return;
    }
    const twin = this.#endpoints.get(name);
    if (twin !== undefined) {
      this.refuseTwins(name, twin, declaration.name);
      return;
    }
    this.#endpoints.set(name, declaration.name);
    if (signature.explicitThisType !== null)
      this.types.refuse(signature.explicitThisType, "a this parameter cannot cross");
    const index = this.functions.length;
    const parameters: GuestParameter[] = [];
    const described: Parameter[] = [];
    const wit = new WitScope();
    if (self !== undefined) wit.claim("self");
    for (const parameter of signature.parameters) {
      const type = this.#parameterType(parameter, module);
      if (type === undefined) continue;
      const fallback = this.#fallback(parameter, { callable, index, position: parameters.length, type });
      parameters.push({ name: parameter.name.text, type, ...(fallback && { fallback }) });
      described.push({
        name: parameter.name.text,
        wit: wit.claim(parameter.name.text),
        type: type.value,
        ...(fallback && { default: fallback.text.slice(0, maxDefaultLength) }),
        ...parameterDoc(declaration, parameter.name.text),
      });
    }
    const result = isVoid(signature.returnType) ? null : this.types.resolve(signature.returnType, module);
    if (result === undefined || parameters.length !== signature.parameters.length) return;
    const type: FunctionType = {
      name,
      wit: this.types.claimWit(name),
      parameters: described,
      result: result?.value ?? null,
      ...(self && { self: (self.value as { name: string }).name }),
      ...docOf(declaration),
    };
    this.functions.push({
      type,
      ...callable.target,
      parameters,
      result,
      at: nodePlace(declaration.name),
      ...(member && { member }),
      ...(self && { self }),
    });
  }

  /** Two callables under one name: a caller could not choose between them. Each diagnostic names the other's place. */
  refuseTwins(name: string, left: Node, right: Node): void {
    for (const [here, there] of [
      [left, right],
      [right, left],
    ] as const) {
      const { file, line, column } = placeOf(nodePlace(there));
      const message = `two exports have the endpoint ${name}: this one and that at ${file}:${line}:${column}`;
      this.types.refuse(here, message);
    }
  }

  #parameterType(parameter: ParameterNode, module: Module): GuestType | undefined {
    if ((parameter.parameterKind as number) === ParameterKind.Rest) {
      return this.types.refuse(parameter, "a rest parameter cannot cross; use an array");
    }
    return this.types.resolve(parameter.type, module);
  }

  /** Appends a function to the parameter's module that computes its default from the parameters before it. */
  #fallback(parameter: ParameterNode, { callable, index, position, type }: FallbackPlace): Fallback | undefined {
    const text = parameter.initializer === null ? zeroOf(parameter, type) : textOf(parameter.initializer);
    if (text === undefined) return undefined;
    if (callable.self !== undefined && parameter.initializer !== null && /\bthis\b/.test(text)) {
      return this.types.refuse(parameter.initializer, "a default that reads this cannot be taken from outside");
    }
    const name = `__herd_default_${index}_${position}`;
    const before = callable.declaration.signature.parameters.slice(0, position);
    const list = before.map((one) => `${one.name.text}: ${textOf(one.type)}`).join(", ");
    const path = callable.module.path;
    const expression = text === "null" ? `changetype<${textOf(parameter.type)}>(0)` : text;
    const code = `\nexport function ${name}(${list}): ${textOf(parameter.type)} { return ${expression}; }`;
    const appended = this.appended.get(path) ?? [];
    appended.push({ code, at: nodePlace(parameter.initializer ?? parameter) });
    this.appended.set(path, appended);
    return { module: path, name, text };
  }
}

interface FallbackPlace {
  readonly callable: Callable;
  readonly index: number;
  readonly position: number;
  readonly type: GuestType;
}

/** The function that computes a default, and the text of its expression. */
interface Fallback {
  readonly module: string;
  readonly name: string;
  readonly text: string;
}

/**
 * The value that AssemblyScript gives a left-out `b?: T`: zero. `T | null` needs none, since it crosses as an option.
 */
function zeroOf(parameter: ParameterNode, { form, text }: GuestType): string | undefined {
  if ((parameter.parameterKind as number) !== ParameterKind.Optional || form === "option") return undefined;
  if (form === "scalar") return text === "bool" ? "false" : "0";
  return form === "enum" ? `<${textOf(parameter.type)}>0` : "null";
}

function exportsFunction(members: readonly Statement[]): boolean {
  return members.some((member) => {
    const { kind, flags = 0 } = member as Statement & { flags?: number };
    if ((flags & Flag.Export) === 0) return false;
    if (kind === NodeKind.NamespaceDeclaration) return exportsFunction((member as NamespaceDeclaration).members);
    return kind === NodeKind.FunctionDeclaration;
  });
}

function nodePlace({ range: { source, start } }: Node): Place {
  return { file: source.normalizedPath, text: source.text, offset: start };
}

const maxDefaultLength = 1_000;
const hiddenFlags = Flag.Private | Flag.Protected | Flag.Get | Flag.Set | Flag.Constructor | Flag.Abstract;

function textOf(node: Node): string {
  return node.range.source.text.slice(node.range.start, node.range.end);
}

function isVoid(node: TypeNode): boolean {
  return (node.kind as number) === NodeKind.NamedType && textOf(node).trim() === "void";
}
