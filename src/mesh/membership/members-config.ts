// The parameters of the membership protocol, under the names and with the values of hashicorp/memberlist's LAN
// configuration (config.go, DefaultLANConfig).

/** Intervals, time-outs and multipliers of the membership protocol. All times are milliseconds. */
export interface MembersConfig {
  /**
   * Between two probes of this node, each of another member (SWIM, section 4.3); default 1,000. A member is probed at
   * least once in `2 × members − 1` intervals. Shorter finds failures sooner and costs more messages.
   */
  readonly probeIntervalMs: number;
  /**
   * How long a direct probe may take before others are requested to probe too (SWIM's ping-req); default 500. Should
   * be above the 99th percentile of round trips. Shorter starts indirect probes sooner; longer sends fewer of them.
   */
  readonly probeTimeoutMs: number;
  /**
   * Members that are requested to probe one which did not answer: SWIM's k; default 3. More needs more broken paths
   * for a false suspicion, and costs more messages per failed probe.
   */
  readonly indirectChecks: number;
  /**
   * The shortest time that a suspect has to refute is `suspicionMult × max(1, log10(members)) × probeIntervalMs`, once
   * enough other members suspect it too; default 4. Higher lets a slow node refute; lower declares a dead node sooner.
   */
  readonly suspicionMult: number;
  /**
   * The longest time that a suspect has to refute, while no other member suspects it, is this many times the shortest
   * (Lifeguard, LHA-Suspicion); default 6. Higher protects from an accuser that is itself slow; lower detects sooner
   * where few members can confirm.
   */
  readonly suspicionMaxTimeoutMult: number;
  /**
   * The bound of the local health score: while this node itself is in trouble, intervals and time-outs of its probes
   * are stretched by `score + 1`, up to this factor (Lifeguard, LHA-Probe); default 8. Higher accuses less wrongly and
   * detects later.
   */
  readonly awarenessMaxMultiplier: number;
  /** Between two rounds of gossip; default 200. Shorter spreads an update sooner and costs more messages. */
  readonly gossipIntervalMs: number;
  /** Linked members that each round of gossip sends to; default 3. More spreads an update in fewer rounds. */
  readonly gossipNodes: number;
  /**
   * Each node sends an update `retransmitMult × ceil(log10(members + 1))` times; default 4. Higher reaches all members
   * with higher probability, and costs more bytes per update.
   */
  readonly retransmitMult: number;
  /**
   * Between two full comparisons (memberlist's push-pull) with a random member; default 30,000. Shorter converges
   * sooner after a partition, and costs a summary of every member each time.
   */
  readonly pushPullIntervalMs: number;
  /**
   * How long dead and departed members stay in the list, so that they are redialled and their old announcements are no
   * news; default 24 hours. Longer finds a node again that was away for longer, and keeps more rows.
   */
  readonly deadReclaimMs: number;
  /**
   * Between two attempts to reach a dead member or, without any link, a way back into the mesh; default 1,000. Shorter
   * heals a partition sooner and dials more.
   */
  readonly reconnectIntervalMs: number;
  /**
   * How long one such attempt may take; default 2,000. Longer waits for slow paths; shorter tries the next one sooner.
   */
  readonly reconnectTimeoutMs: number;
}

/** The values that nodes run with. */
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
