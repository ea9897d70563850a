// Problems of files in a state folder: what the node does about each, and what its owner can do.

import type { CheckedFile, FileProblem } from "../../storage/check-against-index.js";

/**
 * What a problem of a file means: the node does not start (`refuse`), gets it from its peers (`fetch`), makes it anew
 * (`remake`), takes what is there (`take`), or leaves it alone (`ignore`).
 */
type ProblemAction = "refuse" | "fetch" | "remake" | "take" | "ignore";

const leaves: ReadonlySet<string> = new Set(["identity/peer-leaf", "identity/public-leaf"]);
/** Measured or received again at each start. */
const hints: ReadonlySet<string> = new Set(["capacity", "addresses"]);
/** Scope of apps: manifests and bytes that the mesh spreads. */
export const catalogScope = "catalog";

/** What is done about a file with this problem. */
export function actionFor({ key, problem }: Pick<CheckedFile, "key" | "problem">): ProblemAction {
  const scope = key.slice(0, key.indexOf("/"));
  if (scope === catalogScope) return problem === "unknown" ? "ignore" : "fetch";
  if (hints.has(scope)) return "remake";
  // One that ended or is due is renewed, and no leaf is good for more than what this node may do.
  if (leaves.has(key) && problem === "older") return "take";
  if (leaves.has(key) && problem === "missing") return "remake";
  return "refuse";
}

/** How a problem reads, after the file's path. */
export function problemText(problem: FileProblem): string {
  switch (problem) {
    case "missing":
      return "is missing";
    case "damaged":
      return "is damaged, or was sealed under another state key";
    case "older":
      return "is older than what was last written there";
    case "unknown":
      return "is not in the index: it was put there, or the index is an older one";
  }
}

/** What to do about a problem, for people; `isMaster` when the folder is a master's, as far as known. */
export function remedyOf(file: Pick<CheckedFile, "key" | "problem">, { isMaster }: { isMaster: boolean }): string {
  if (leaves.has(file.key) && actionFor(file) === "refuse")
    return "delete it: the node makes a new one at its next start";
  switch (actionFor(file)) {
    case "take":
      return "nothing: the node renews it when it is due";
    case "remake":
      return "nothing: the node makes it anew";
    case "ignore":
      return "delete it: the node does not use it";
    case "fetch":
      return (
        "start the node: it fetches this from the mesh; a node alone names the app, which then has to be " +
        "deployed again"
      );
    case "refuse":
      return file.problem === "unknown"
        ? `delete it if it was put there; else ${restore(isMaster)}`
        : restore(isMaster);
  }
}

function restore(isMaster: boolean): string {
  const whole = "restore the whole folder from the newest backup, with its state.key";
  if (!isMaster) return `${whole}; without one, revoke this node and let it join anew in an empty folder`;
  return (
    `${whole}; without one, revoke this master at another one and let it join anew in an empty folder, or ` +
    "found the mesh anew"
  );
}
