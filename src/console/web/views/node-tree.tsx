// The tree of who let whom in, when, and by what.

import { useEffect, useState } from "preact/hooks";
import { ask } from "../data/api.ts";
import { linkTo } from "../data/route.ts";
import type { TreeNode } from "../data/shapes.ts";
import { nodes } from "../data/stores.ts";
import { momentText } from "../parts/format.ts";
import { ProblemBox } from "../parts/problem-box.tsx";
import { StateText } from "../parts/state-text.tsx";
import { text } from "../text.ts";

/** The tree, read again when the nodes change. */
export function Tree() {
  const [tree, setTree] = useState<TreeNode | null>();
  const [problem, setProblem] = useState<unknown>();
  const known = nodes.value.value;
  useEffect(() => {
    ask<TreeNode | null>("/v1/nodes?tree=true").then(setTree, setProblem);
  }, [known]);
  if (problem !== undefined) return <ProblemBox error={problem} />;
  if (tree === undefined) return <p class="quiet loading">{text.loading}</p>;
  if (tree === null) return <p class="empty">{text.mesh.noTree}</p>;
  return (
    <ul class="tree card">
      <Branch node={tree} />
    </ul>
  );
}

function Branch({ node }: { readonly node: TreeNode }) {
  return (
    <li>
      <div class="row">
        <a href={linkTo("nodes", node.name)}>{node.name}</a>
        <StateText state={node.state} />
        <span class="quiet">{text.mesh.letIn(node.approvedBy, momentText(node.at))}</span>
      </div>
      <code class="quiet">{node.fingerprint}</code>
      {node.children.length > 0 && (
        <ul>
          {node.children.map((child) => (
            <Branch key={child.fingerprint} node={child} />
          ))}
        </ul>
      )}
    </li>
  );
}
