// A drawing of the mesh: the asked node in the middle, its peers around it. A node knows only its own links.

import type { Mesh, MeshNode, MeshPeer } from "../../../api/mesh.ts";
import { forwardRates } from "../data/stores.ts";
import { msText, rateText } from "../parts/format.ts";
import { text } from "../text.ts";

const width = 640;
const height = 440;
const centre = { x: width / 2, y: height / 2 - 8 };
/** Peers on one ring at full size; with more peers, the circles are smaller and there are more rings. */
const mostOnRing = 14;
/** Width of the line to the peer with the greatest weight. */
const widest = 9;
/** With more peers than these, only the table shows names. */
const mostNamed = 40;

interface Placed {
  readonly peer: MeshPeer;
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

/** The drawing; `state` is the state of the asked node. The table beside the drawing holds the same facts. */
export function MeshGraph({ mesh, state }: { readonly mesh: Mesh; readonly state: string }) {
  const { peers } = mesh;
  const placed = placedAround(peers);
  const heaviest = Math.max(1, ...peers.map(({ weight }) => weight));
  const named = peers.length <= mostNamed;
  return (
    <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={text.mesh.drawing(mesh.node, peers.length)}>
      {placed.map((one) => (
        <Link key={one.peer.name} one={one} heaviest={heaviest} named={named && peers.length <= mostOnRing} />
      ))}
      {placed.map(({ peer, x, y, radius }) => (
        <Node key={peer.name} name={named ? peer.name : ""} state={peer.state} stats={peer} at={{ x, y, radius }} />
      ))}
      <Node name={mesh.node} state={state} stats={mesh.here} at={{ ...centre, radius: 30 }} />
    </svg>
  );
}

function Link({ one, heaviest, named }: { readonly one: Placed; readonly heaviest: number; readonly named: boolean }) {
  const { peer, x, y } = one;
  const rate = forwardRates.value[peer.name] ?? 0;
  const line = { x1: centre.x, y1: centre.y, x2: x, y2: y };
  // The label is nearer to the peer, where there is room between the links.
  const label = { x: centre.x + (x - centre.x) * 0.56, y: centre.y + (y - centre.y) * 0.56 };
  return (
    <g class={`link ${peer.state}`}>
      <line {...line} stroke-width={1 + (peer.weight / heaviest) * (widest - 1)} />
      {rate > 0 && <line {...line} class={rate > 50 ? "moving fast" : "moving"} />}
      {named && (
        <text x={label.x} y={label.y - 4}>
          {msText(peer.rttMs)}
          {rate > 0 && ` · ${text.mesh.perSecond(rateText(rate))}`}
        </text>
      )}
    </g>
  );
}

function Node({
  name,
  state,
  stats,
  at,
}: {
  readonly name: string;
  readonly state: string;
  readonly stats: MeshNode;
  readonly at: { readonly x: number; readonly y: number; readonly radius: number };
}) {
  const { slots, running, queued } = stats;
  const load = slots === null || slots === 0 ? 0 : Math.min(1, ((running ?? 0) + (queued ?? 0)) / slots);
  const { x, y, radius } = at;
  const filled = 2 * radius * load;
  const id = `fill-${x.toFixed(0)}-${y.toFixed(0)}`;
  return (
    <g class={`node ${state}`}>
      <clipPath id={id}>
        <rect x={x - radius} y={y + radius - filled} width={2 * radius} height={filled} />
      </clipPath>
      <circle cx={x} cy={y} r={radius} />
      <circle class="load" cx={x} cy={y} r={radius - 2} clip-path={`url(#${id})`} />
      {name !== "" && (
        <text x={x} y={y + radius + 16}>
          {name.length > 18 ? `${name.slice(0, 17)}…` : name}
        </text>
      )}
    </g>
  );
}

function placedAround(peers: readonly MeshPeer[]): Placed[] {
  const rings = Math.max(1, Math.ceil(peers.length / (mostOnRing * 2)));
  const perRing = Math.ceil(peers.length / rings);
  const radius = peers.length <= mostOnRing ? 22 : peers.length <= mostNamed ? 13 : 7;
  return peers.map((peer, index) => {
    const ring = Math.floor(index / perRing);
    const onRing = Math.min(perRing, peers.length - ring * perRing);
    // The drawing is wider than tall: up to two peers stand beside the node; of more peers the first stands above it.
    const start = peers.length <= 2 ? 0 : -Math.PI / 2;
    const angle = (2 * Math.PI * (index % perRing)) / onRing + start + ring * 0.2;
    const share = rings === 1 ? 1 : 0.5 + (0.5 * (ring + 1)) / rings;
    const across = { x: width / 2 - 72, y: height / 2 - 56 };
    return {
      peer,
      radius,
      x: centre.x + Math.cos(angle) * across.x * share,
      y: centre.y + Math.sin(angle) * across.y * share,
    };
  });
}
