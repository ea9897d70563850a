// The mesh: requests to join, the nodes, each link's weight and traffic, and the tree of admissions.

import type { MeshNode, MeshPeer } from "../../../api/mesh.ts";
import type { ListedNode } from "../../../api/nodes.ts";
import { linkTo } from "../data/address.ts";
import { forwardRates, mesh, nodes } from "../data/stores.ts";
import { countText, msText, rateText } from "../parts/format.ts";
import { ProblemBox } from "../parts/problem-box.tsx";
import { StateText } from "../parts/state-text.tsx";
import { text } from "../text.ts";
import { JoinRequests } from "./join-requests.tsx";
import { MeshGraph } from "./mesh-graph.tsx";
import { Tree } from "./node-tree.tsx";

const tabs = ["map", "tree"] as const;

/** The view. */
export function MeshView({ tab }: { readonly tab: string }) {
  const problem = mesh.problem.value;
  return (
    <>
      <h1>{text.mesh.title}</h1>
      <JoinRequests />
      <nav class="tabs" aria-label={text.mesh.parts}>
        {tabs.map((one) => (
          <a
            key={one}
            class="place"
            href={one === "map" ? linkTo("mesh") : linkTo("mesh", one)}
            {...(tab === one ? { "aria-current": "page" as const } : {})}
          >
            {text.mesh.tabs[one]}
          </a>
        ))}
      </nav>
      {problem !== undefined && mesh.value.value === undefined && <ProblemBox error={problem} />}
      {tab === "tree" ? <Tree /> : <Overview />}
    </>
  );
}

function Overview() {
  const body = mesh.value.value;
  if (body === undefined) return <p class="quiet loading">{text.loading}</p>;
  const here = nodes.value.value?.find(({ name }) => name === body.node);
  return (
    <div class="mesh">
      <section class="card graph" aria-label={text.mesh.graph}>
        <MeshGraph mesh={body} state={here?.state ?? "alive"} />
        <p class="quiet legend">{text.mesh.legend(body.node)}</p>
      </section>
      <div>
        <div class="scroll card">
          <table>
            <thead>
              <tr>
                <th scope="col">{text.mesh.node}</th>
                <th scope="col">{text.mesh.state}</th>
                <th scope="col" class="number">
                  {text.mesh.rtt}
                </th>
                <th scope="col" class="number">
                  {text.mesh.load}
                </th>
                <th scope="col" class="number">
                  {text.mesh.weight}
                </th>
                <th scope="col" class="number">
                  {text.mesh.forwarded}
                </th>
              </tr>
            </thead>
            <tbody>
              <Row name={body.node} entry={here} stats={body.here} peer={undefined} state={here?.state ?? "alive"} />
              {body.peers.map((peer) => (
                <Row
                  key={peer.name}
                  name={peer.name}
                  entry={nodes.value.value?.find(({ name }) => name === peer.name)}
                  stats={peer}
                  peer={peer}
                  state={peer.state}
                />
              ))}
            </tbody>
          </table>
        </div>
        {body.peers.length === 0 && (
          <div class="empty">
            <p>{text.mesh.alone}</p>
            <code>npx herd token create --role join</code>
          </div>
        )}
        {body.revoked.length > 0 && (
          <p class="quiet">
            {text.mesh.revoked}{" "}
            {body.revoked.map((name) => (
              <a key={name} href={linkTo("nodes", name)}>
                {name}{" "}
              </a>
            ))}
          </p>
        )}
      </div>
    </div>
  );
}

function Row({
  name,
  entry,
  stats,
  peer,
  state,
}: {
  readonly name: string;
  readonly entry: ListedNode | undefined;
  readonly stats: MeshNode;
  readonly peer: MeshPeer | undefined;
  readonly state: string;
}) {
  const { slots, running, queued } = stats;
  return (
    <tr>
      <th scope="row">
        <a href={linkTo("nodes", name)}>{name}</a>
        {entry?.master === true && <span class="mark">{text.mesh.master}</span>}
        {peer === undefined && <span class="quiet"> {text.mesh.asked}</span>}
      </th>
      <td>
        <StateText state={state} />
      </td>
      <td class="number">{msText(peer?.rttMs)}</td>
      <td class="number">{slots === null ? "–" : text.mesh.loadOf(running ?? 0, slots, queued ?? 0)}</td>
      <td class="number">{countText(Math.round(stats.weight))}</td>
      <td class="number">{peer === undefined ? "–" : text.mesh.perSecond(rateText(forwardRates.value[name] ?? 0))}</td>
    </tr>
  );
}
