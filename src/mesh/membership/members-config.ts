// The numbers of the membership protocol, under the names and with the values of hashicorp/memberlist's LAN configuration.

/** What the membership protocol waits for and how much it repeats. All times are milliseconds. */
export interface MembersConfig {
  /** Between two probes of this node, each of another member. Shorter finds failures sooner and costs more messages. */
  readonly probeIntervalMs: number;
  /** How long a direct probe may take before others are asked to probe too. Above the 99th percentile of round trips. */
  readonly probeTimeoutMs: number;
  /** How many others are asked to probe a member that did not answer. More needs more broken paths for a false suspicion. */
  readonly indirectChecks: number;
  /** A suspect has `suspicionMult × max(1, log10(members)) × probeIntervalMs` to refute once enough others suspect it too. */
  readonly suspicionMult: number;
  /** A suspect whom nobody else suspects has this many times as long. */
  readonly suspicionMaxTimeoutMult: number;
  /** The health score stays below this; probes slow down by up to this factor while this node itself is in trouble. */
  readonly awarenessMaxMultiplier: number;
  /** Between two rounds of gossip, and how many members each round tells. */
  readonly gossipIntervalMs: number;
  readonly gossipNodes: number;
  /** Each message is told `retransmitMult × ceil(log10(members + 1))` times by each node. */
  readonly retransmitMult: number;
  /** Between two full comparisons with a random member. */
  readonly pushPullIntervalMs: number;
  /** Dead and departed members are forgotten after this long. */
  readonly deadReclaimMs: number;
  /** Between two attempts of this node to find its way to a dead member or, without any link, back into the mesh. */
  readonly reconnectIntervalMs: number;
  /** How long one such attempt may take. */
  readonly reconnectTimeoutMs: number;
}

/** The numbers that nodes run with. */
export const defaultMembersConfig: MembersConfig = {
  probeIntervalMs: 1_000,
  probeTimeoutMs: 500,
  indirectChecks: 3,
  suspicionMult: 4,
  suspicionMaxTimeoutMult: 6,
  awarenessMaxMultiplier: 8,
  gossipIntervalMs: 200,
  gossipNodes: 3,
  retransmitMult: 4,
  pushPullIntervalMs: 30_000,
  deadReclaimMs: 24 * 60 * 60_000,
  reconnectIntervalMs: 1_000,
  reconnectTimeoutMs: 2_000,
};
