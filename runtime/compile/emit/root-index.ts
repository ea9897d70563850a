// `import ".."` from one folder down means the upload's own index.ts, which AssemblyScript looks for under the name
// ".".
import { Node } from "assemblyscript";

interface PathStatement {
  internalPath: string | null;
}

type Create = (...parts: never[]) => PathStatement;

const creators = ["createImportStatement", "createWildcardImportStatement", "createExportStatement"] as const;
let installed = false;

/**
 * Makes AssemblyScript's parser read a path that resolves to the upload's root as the index there. Works once a
 * process.
 */
export function installRootIndex(): void {
  if (installed) return;
  installed = true;
  const factory = Node as unknown as Record<(typeof creators)[number], Create>;
  for (const name of creators) {
    const create = factory[name];
    factory[name] = (...parts) => {
      const statement = create.apply(factory, parts);
      if (statement.internalPath === ".") statement.internalPath = "index";
      return statement;
    };
  }
}
