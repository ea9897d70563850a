// A founder with a real identity, registry and registration authority behind a real HTTPS server, and nodes that want
// in.

import { type KeyObject, X509Certificate } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { rootCertificate } from "../../../src/api/health.js";
import { listJoins, type PendingJoin } from "../../../src/api/joins.js";
import { type Clock, systemClock } from "../../../src/core/clock.js";
import { makeEnrolledKey, nodeIdOf, publicKeyText, signerOf } from "../../../src/pki/identity/enrolled-key.js";
import type { Enrollment, EnrollmentRequest } from "../../../src/pki/identity/enrollment.js";
import { Identity } from "../../../src/pki/identity/identity.js";
import { bootstrapRecords } from "../../../src/pki/join/bootstrap-records.js";
import { type JoinOptions, joinMesh } from "../../../src/pki/join/client.js";
import { RegistrationAuthority } from "../../../src/pki/join/registration-authority.js";
import { RenewalAuthority } from "../../../src/pki/join/renewal-authority.js";
import { type IssuedJoinToken, JoinTokenIssuer } from "../../../src/pki/join/token-issuer.js";
import { JoinTokens } from "../../../src/pki/join/tokens.js";
import type { AuditEvent } from "../../../src/pki/registry/audit-record.js";
import { Registry } from "../../../src/pki/registry/registry.js";
import { withKeyFiles } from "../../../src/pki/state/key-files.js";
import { OwnerSecret } from "../../../src/pki/tokens/owner-secret.js";
import { makeCsr } from "../../../src/pki/x509/csr.js";
import { rsaKey } from "../../../src/pki/x509/rsa-key.js";
import type { FrontDoor, FrontDoorOptions } from "../../../src/server/door/front-door.js";
import { openDoor } from "../../../src/server/door/open-door.js";
import { joinsEndpoints } from "../../../src/server/endpoints/joins.js";
import { tokensEndpoints } from "../../../src/server/endpoints/tokens.js";
import { type Endpoint, endpoint, ok } from "../../../src/server/http/endpoint.js";
import { Content } from "../../../src/server/http/http-answer.js";
import type { RequestElsewhere, Where } from "../../../src/server/http/place.js";
import { routeRequest } from "../../../src/server/http/route-request.js";
import { Router } from "../../../src/server/http/route-table.js";
import { type Relay, relayRequest } from "../../../src/server/relay/relay-message.js";
import { RelayedRequests } from "../../../src/server/relay/relay-receiver.js";
import { MeshEvents, publishJoins } from "../../../src/server/views/mesh-events.js";
import { MemoryFiles } from "../../../src/storage/state-files.js";
import { silent } from "../../pki/audit/silent-log.js";
import { testDoor } from "./test-door.js";
import { type Answer, answerOf } from "./test-node.js";

/** The machine's time, and as much more as a test says. */
class ShiftedClock implements Clock {
  shiftMs = 0;
  /** Where the clock for spans of time stands still, when it does. */
  stillMs: number | undefined;
  now(): number {
    return systemClock.now() + this.shiftMs;
  }
  monotonic(): number {
    return this.stillMs ?? systemClock.monotonic();
  }
}

const nobody: Relay = { isHere: () => true, request: () => Promise.reject(new TypeError("there is nobody to ask")) };

/** How to ask. */
export interface Ask {
  readonly method?: string;
  readonly body?: unknown;
  readonly url?: string;
}

/** The founder. */
export class JoinMesh {
  readonly audited: AuditEvent[] = [];
  readonly events = new MeshEvents();
  readonly clock = new ShiftedClock();
  readonly files = new MemoryFiles();
  readonly identity: Identity;
  readonly registry: Registry;
  readonly tokens: JoinTokens;
  readonly authority: RegistrationAuthority;
  readonly issuer: JoinTokenIssuer;
  readonly renewals: RenewalAuthority;
  readonly #folder: string;
  readonly #doorOptions: FrontDoorOptions;
  #doors: FrontDoor[] = [];
  readonly #relayed: RelayedRequests;
  #admin = "";

  private constructor(identity: Identity, folder: string) {
    const { meshId, rootCertificate, nodeId } = identity;
    const { clock, files, audited } = this;
    this.identity = identity;
    this.#folder = folder;
    this.registry = new Registry({ meshId, rootCertificate, files: new MemoryFiles(), clock, log: silent });
    this.tokens = new JoinTokens({ files, clock });
    const publish = async (kind: string, text: string): Promise<void> => {
      const store = this.registry.stores.find((other) => other.kind === kind);
      if ((await store?.accept(text)) !== "new") throw new TypeError(`the ${kind} is not new`);
    };
    const audit = async (event: AuditEvent): Promise<void> => {
      audited.push(event);
    };
    const options = { authority: identity, registry: this.registry, issued: async () => undefined, audit };
    const { registry, events } = this;
    this.issuer = new JoinTokenIssuer({ authority: identity, tokens: this.tokens, urls: () => [this.url], audit });
    this.authority = new RegistrationAuthority({
      ...options,
      ...publishJoins({ registry, events, clock, audit }),
      tokens: this.tokens,
      clock,
      returnDays: 90,
      publish,
      records: (node) => bootstrapRecords(this.registry, { nodeId: node, master: nodeId }),
    });
    this.renewals = new RenewalAuthority(options);
    const endpoints = this.#endpoints(this.authority, nobody);
    const { tokens } = identity;
    const hold = () => () => undefined;
    const isHere = (where: Where) =>
      where === "master" || (typeof where === "object" && "node" in where && where.node === nodeId);
    this.#relayed = new RelayedRequests({ endpoints, tokens, clock: systemClock, log: silent, hold, isHere });
    this.#doorOptions = this.#optionsOf(nodeId, { endpoints, relay: nobody });
  }

  /** Founds one and serves it on a free port. */
  static async found(): Promise<JoinMesh> {
    const folder = await mkdtemp(join(tmpdir(), "herd-join-"));
    const identity = await Identity.open({
      state: join(folder, "founder"),
      ephemeral: true,
      name: "founder",
      domains: [],
      advertise: "localhost",
      clock: systemClock,
    });
    const mesh = new JoinMesh(identity, folder);
    await mesh.registry.open();
    for (const record of identity.records) {
      for (const store of mesh.registry.stores) await store.accept(record).catch(() => undefined);
    }
    await mesh.tokens.open();
    await mesh.#open(mesh.#doorOptions);
    mesh.#admin = (await identity.tokens.issue({ role: "admin", ttlSeconds: 600 })).token;
    return mesh;
  }

  /** Where it serves. */
  get url(): string {
    return `https://localhost:${this.#doors[0]?.port}`;
  }

  /** The address of another node, no master, that passes on to this one what it cannot do. */
  async door(nodeId: string): Promise<string> {
    const relay: Relay = {
      isHere: () => false,
      request: (_where, request, signal) => this.#relayed.answer(request, { node: nodeId, signal }),
    };
    const options = this.#optionsOf(nodeId, { endpoints: this.#endpoints(undefined, relay), relay });
    return `https://localhost:${(await this.#open(options)).port}`;
  }

  async #open(options: FrontDoorOptions): Promise<FrontDoor> {
    const door = await openDoor(testDoor, options);
    this.#doors.push(door);
    await withKeyFiles(this.identity.publicLeaf(), (files) => door.start(files));
    return door;
  }

  #endpoints(authority: RegistrationAuthority | undefined, relay: Relay): Endpoint[] {
    const { tokens, signIn, nodeId, rootCertificate } = this.identity;
    const joins = { authority, issuer: authority && this.issuer, masters: () => [nodeId] };
    const own = [...joinsEndpoints({ joins, relay }), ...tokensEndpoints({ tokens, signIn, joins, relay })];
    return [...own, rootEndpoint(rootCertificate)];
  }

  #optionsOf(id: string, { endpoints, relay }: { endpoints: Endpoint[]; relay: Relay }): FrontDoorOptions {
    const { tokens } = this.identity;
    const place = { id, url: () => this.url };
    const hold = () => () => undefined;
    const options = {
      router: new Router(endpoints),
      tokens,
      log: silent,
      ownerSecret: new OwnerSecret(),
      place,
      hold,
      bodyLimitBytes: 65_536,
      isHere: (where: Where) => relay.isHere(where),
      elsewhere: (handed: RequestElsewhere) => relayRequest(handed, relay),
    };
    return {
      host: "localhost",
      port: 0,
      log: silent,
      bodyLimitBytes: 65_536,
      hotRoutes: [],
      handle: (context) => routeRequest(context, options),
      connections: { opened: () => true, closed: () => undefined },
    };
  }

  /** A join token of the founder. */
  token(options: Partial<Parameters<JoinTokenIssuer["create"]>[0]> = {}): Promise<IssuedJoinToken> {
    return this.issuer.create({ by: "0123456789abcdef", ...options });
  }

  /** Options of a node that joins here. */
  options(options: Partial<JoinOptions> = {}): JoinOptions {
    return {
      urls: [this.url],
      advertise: "localhost",
      deploy: true,
      report: () => undefined,
      clock: this.clock,
      signal: AbortSignal.timeout(60_000),
      ...options,
    };
  }

  /** A node that comes in with a token, or waits for a person. */
  join(request: EnrollmentRequest, options: Partial<JoinOptions> = {}): ReturnType<typeof joinMesh> {
    return joinMesh(request, this.options(options));
  }

  /** A whole identity that joins; the caller closes it. */
  open(name: string, options: Partial<JoinOptions> = {}): Promise<Identity> {
    return Identity.open({
      state: join(this.#folder, name),
      ephemeral: true,
      name,
      domains: [],
      advertise: options.advertise ?? "localhost",
      clock: systemClock,
      enroll: (asked) => this.join(asked, options),
    });
  }

  /** Asks as an admin, here or at another address. */
  ask(path: string, { method = "GET", body, url = this.url }: Ask = {}): Promise<Answer> {
    const text = body === undefined ? "" : JSON.stringify(body);
    const headers = { authorization: `Bearer ${this.#admin}`, "content-length": Buffer.byteLength(text) };
    const outgoing = request(url + path, { method, headers, agent: false, ca: this.identity.rootCertificate });
    outgoing.end(text);
    return answerOf(outgoing);
  }

  /** The request of that name, once it waits. */
  async waiting(name: string): Promise<PendingJoin> {
    for (let tries = 0; tries < 1_000; tries++) {
      const view = (await this.ask("/v1/joins")).of(listJoins).find((other) => other.name === name);
      if (view !== undefined) return view;
      await sleep(10);
    }
    throw new Error(`${name} never asked`);
  }

  async stop(): Promise<void> {
    for (const door of this.#doors) door.stop();
    this.identity.close();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** `/ca.pem` of a root. */
function rootEndpoint(certificate: string): Endpoint {
  return endpoint(rootCertificate, { handle: () => ok(new Content("application/x-pem-file", certificate)) });
}

let leafKeys: Promise<readonly KeyObject[]> | undefined;

/**
 * A node with a fresh enrolled key that asks to be let in. Leaf keys are shared by all, since they take long to make.
 */
export async function applicant(options: Partial<EnrollmentRequest> = {}): Promise<EnrollmentRequest> {
  leafKeys ??= Promise.all([rsaKey(2_048), rsaKey(2_048)]);
  const [peer, open] = (await leafKeys).map(makeCsr);
  const key = await makeEnrolledKey();
  if (peer === undefined || open === undefined) throw new TypeError("a key is missing");
  return {
    key: publicKeyText(key),
    nodeId: nodeIdOf(key),
    csr: peer,
    publicCsr: open,
    name: "worker",
    hosts: [],
    masterCsr: () => Promise.resolve(peer),
    sign: (payload) => signerOf(key).sign(payload),
    ...options,
  };
}

/** The names in the first certificate of a chain. */
export function namesIn(chain: string): string {
  return new X509Certificate(chain).subjectAltName ?? "";
}

/** A node's request as it asks again, with what it has. */
export function returning(
  node: EnrollmentRequest,
  { peerCertificate, publicCertificate }: Enrollment,
): EnrollmentRequest {
  return { ...node, current: { peer: peerCertificate, public: publicCertificate } };
}
