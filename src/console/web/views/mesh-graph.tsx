// The mesh drawn: the asked node in the middle, its peers around it; only its own links are known to a node.

import type { Mesh, MeshNode, MeshPeer } from "../data/shapes.ts";
import { forwardRates } from "../data/stores.ts";
import { msText, rateText } from "../parts/format.ts";
import { text } from "../text.ts";

const width = 640;
const height = 440;
const centre = { x: width / 2, y: height / 2 - 8 };
/** Peers on one ring; more go on further rings, smaller. */
const mostOnRing = 14;
const widest = 9;
/** Over this many peers, names stand in the table alone. */
const mostNamed = 40;

interface Placed {
  readonly peer: MeshPeer;
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

/** The drawing; `state` is that of the asked node. What it shows stands in the table beside it too. */
export function MeshGraph({ mesh, state }: { readonly mesh: Mesh; readonly state: string }) {
  const { peers } = mesh;
  const placed = placedAround(peers);
  const heaviest = Math.max(1, ...peers.map(({ weight }) => weight ?? 0));
  const named = peers.length <= mostNamed;
  return (
    <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={text.mesh.drawing(mesh.node, peers.length)}>
      {placed.map((one) => (
        <Link key={one.peer.name} one={one} heaviest={heaviest} named={named && peers.length <= mostOnRing} />
      ))}
      {placed.map(({ peer, x, y, radius }) => (
        <Node key={peer.name} name={named ? peer.name : ""} state={peer.state} figures={peer} at={{ x, y, radius }} />
      ))}
      <Node name={mesh.node} state={state} figures={mesh.here} at={{ ...centre, radius: 30 }} />
    </svg>
  );
}

function Link({ one, heaviest, named }: { readonly one: Placed; readonly heaviest: number; readonly named: boolean }) {
  const { peer, x, y } = one;
  const rate = forwardRates.value[peer.name] ?? 0;
  const line = { x1: centre.x, y1: centre.y, x2: x, y2: y };
  // Nearer to the peer, where links have room between them.
  const label = { x: centre.x + (x - centre.x) * 0.56, y: centre.y + (y - centre.y) * 0.56 };
  return (
    <g class={`link ${peer.state}`}>
      <line {...line} stroke-width={1 + ((peer.weight ?? 0) / heaviest) * (widest - 1)} />
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
  figures,
  at,
}: {
  readonly name: string;
  readonly state: string;
  readonly figures: MeshNode;
  readonly at: { readonly x: number; readonly y: number; readonly radius: number };
}) {
  const { slots, running, queued } = figures;
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
    // The drawing is wider than tall: one peer or two stand beside the node, the first of more above it.
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
