// What the node answers, as far as the page reads it (CONTRACT.md).

/** A JSON Schema of those that an interface is described with. */
export interface Schema {
  readonly type?: string;
  readonly $ref?: string;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly string[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly contentEncoding?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly description?: string;
  readonly default?: unknown;
  readonly "x-default"?: string;
}

/** A parameter: its schema, its name, and whether a call may leave it out. */
export interface Parameter extends Schema {
  readonly name: string;
  readonly optional: boolean;
}

/** How a function's calls went at the asked node in the last minute; times are null without an answered call. */
export interface CallFigures {
  readonly calls: number;
  readonly errors: number;
  readonly perSecond: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** A function of an app. */
export interface AppFunction {
  readonly name: string;
  readonly url: string;
  readonly doc?: string;
  readonly parameters: readonly Parameter[];
  readonly result: Schema | null;
  readonly lastMinute?: CallFigures;
}

/** A deployment of an app. */
export interface Revision {
  readonly revision: string;
  readonly at: string;
  readonly by: string;
}

/** `GET /v1/apps/{app}`. */
export interface App {
  readonly app: string;
  readonly revision: string;
  readonly revisions: readonly Revision[];
  readonly functions: readonly AppFunction[];
  readonly types: Readonly<Record<string, Schema>>;
  readonly limits: Readonly<Record<string, number>>;
  readonly public: boolean;
  readonly nodes: readonly string[];
  /** In a list: why it is without its functions. */
  readonly unlisted?: { readonly code: string; readonly detail: string };
}

/** A source file. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** A node as `GET /v1/mesh` shows it. */
export interface MeshNode {
  readonly slots: number | null;
  readonly running: number | null;
  readonly queued: number | null;
  readonly capacity: number | null;
  readonly weight: number | null;
  readonly owner: string | null;
  readonly loopDelayMs: number | null;
  readonly pace: number | null;
}

/** A peer as the asked node sees it. */
export interface MeshPeer extends MeshNode {
  readonly name: string;
  readonly state: string;
  readonly rttMs: number | null;
  readonly errorRate: number | null;
  readonly ejected: boolean;
  /** Calls handed to it since the asked node started. */
  readonly forwarded: number;
}

/** `GET /v1/mesh`. */
export interface Mesh {
  readonly node: string;
  readonly here: MeshNode;
  readonly peers: readonly MeshPeer[];
  readonly masters: readonly string[];
  readonly revoked: readonly string[];
}

/** One of `GET /v1/nodes`. */
export interface NodeEntry {
  readonly name: string;
  readonly id: string;
  readonly state: string;
  readonly master: boolean;
  readonly deploy: boolean;
  readonly revoked: boolean;
  readonly fingerprint: string;
  readonly parent: string | null;
  readonly approvedBy: string;
  readonly at: string;
  readonly url: string | null;
  readonly address: string | null;
  readonly slots?: number;
  readonly running?: number;
  readonly queued?: number;
  readonly owner?: string;
  readonly capacity?: Capacity | null;
  readonly container?: boolean | null;
}

/** Work units a second, overall and by kernel. */
export interface Capacity {
  readonly overall: number;
  readonly kernels: Readonly<Record<string, number>>;
  readonly workers: number;
}

/** `GET /v1/nodes/{node}`: what a node says of itself. */
export interface NodeDetails {
  readonly name: string;
  readonly version: string;
  readonly runtime: string;
  readonly platform: string;
  readonly startedAt: string;
  readonly certificates: { readonly peer: Certificate; readonly public: Certificate };
  readonly policy: Policy;
}

/** When a certificate ends. */
export interface Certificate {
  readonly notAfter: string;
}

/** `GET /v1/policy`. */
export interface Policy {
  readonly state: string;
  readonly slots: number;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly signals: Readonly<Record<string, unknown>>;
  readonly pausedUntil: string | null;
}

/** A node in `GET /v1/nodes?tree=true`. */
export interface TreeNode {
  readonly name: string;
  readonly parent: string | null;
  readonly approvedBy: string;
  readonly at: string;
  readonly fingerprint: string;
  readonly state: string;
  readonly children: readonly TreeNode[];
}

/** A request to join that waits for a person. */
export interface JoinRequest {
  readonly id: string;
  readonly name: string;
  readonly fingerprint: string;
  readonly code: string;
  readonly since: string;
  readonly address?: string;
  readonly hosts?: readonly string[];
}

/** A record of the audit log. */
export interface AuditRecord {
  readonly at: string;
  readonly event: string;
  readonly subject: string;
  readonly by: string;
  readonly node: string;
  readonly master: string;
  readonly seq: number;
  readonly detail?: string;
}

/** What checking the audit log found. */
export interface AuditVerdict {
  readonly ok: boolean;
  readonly records: number;
  readonly problems: readonly string[];
}

/** A log line. */
export interface LogLine {
  readonly at: string;
  readonly node: string;
  readonly level: string;
  readonly message: string;
  readonly app?: string;
  readonly function?: string;
  readonly invocation?: string;
}
