// The tree of admissions: the parent of each node, when the node was let in, and by which token or person.

import { useEffect, useState } from "preact/hooks";
import { listNodes, nodeTree, type TreeNode } from "../../../api/nodes.ts";
import { narrowed } from "../../../api/route.ts";
import { linkTo } from "../data/address.ts";
import { call } from "../data/requests.ts";
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
    call(narrowed(listNodes, nodeTree), { query: { tree: "true" } }).then(setTree, setProblem);
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
