// AssemblyScript's AST enums as values: its typings declare them `const`, which a module compiled alone cannot read.
import * as assemblyscript from "assemblyscript";

type KindName =
  | "NamedType"
  | "FunctionType"
  | "Variable"
  | "Import"
  | "Export"
  | "ExportDefault"
  | "FunctionDeclaration"
  | "MethodDeclaration"
  | "FieldDeclaration"
  | "ClassDeclaration"
  | "InterfaceDeclaration"
  | "EnumDeclaration"
  | "TypeDeclaration"
  | "NamespaceDeclaration"
  | "VariableDeclaration"
  | "Function";

type FlagName = "Export" | "Declare" | "Static" | "Private" | "Protected" | "Get" | "Set" | "Constructor" | "Abstract";

const enums = assemblyscript as unknown as {
  readonly NodeKind: Readonly<Record<KindName, number>>;
  readonly CommonFlags: Readonly<Record<FlagName, number>>;
  readonly ParameterKind: Readonly<Record<"Default" | "Optional" | "Rest", number>>;
};

/** Kinds of AST nodes. */
export const NodeKind = enums.NodeKind;
/** Modifiers of a declaration, as bits. */
export const Flag = enums.CommonFlags;
/** Kinds of parameters. */
export const ParameterKind = enums.ParameterKind;
