// A real HTTPS server with real certificates and tokens over a fake compiler and sandbox, and a client for it.

import type { IncomingHttpHeaders } from "node:http";
import { Agent, type RequestOptions, request } from "node:https";
import { type Problem, problem } from "../../../src/api/problem-document.js";
import type { AnswerJson, Route } from "../../../src/api/route.js";
import { Catalog } from "../../../src/catalog/catalog.js";
import { Client } from "../../../src/client/client.js";
import type { RequestArguments, RouteAnswer } from "../../../src/client/route-request.js";
import { systemClock } from "../../../src/core/clock.js";
import { defaultLimits, type Limits } from "../../../src/core/limits.js";
import type { Logger } from "../../../src/core/log.js";
import { LogRing } from "../../../src/core/log-ring.js";
import { Metrics } from "../../../src/core/metrics.js";
import { defaultOwnerPolicy } from "../../../src/core/owner-policy.js";
import { systemTimers } from "../../../src/core/timers.js";
import { Activation } from "../../../src/deploy/activation.js";
import { Deployer } from "../../../src/deploy/deployer.js";
import { AppRouter } from "../../../src/invoke/app-router.js";
import { type Invoker, LocalInvoker } from "../../../src/invoke/invoker.js";
import { Governor } from "../../../src/owner/governor.js";
import { openPolicyStore } from "../../../src/owner/policy-store.js";
import { noSignals } from "../../../src/owner/signals.js";
import { makeEnrolledKey, signerOf } from "../../../src/pki/identity/enrolled-key.js";
import { withKeyFiles } from "../../../src/pki/state/key-files.js";
import { OwnerSecret } from "../../../src/pki/tokens/owner-secret.js";
import { SignIn } from "../../../src/pki/tokens/sign-in.js";
import { TokenAuthority, tokenKey } from "../../../src/pki/tokens/tokens.js";
import { foundRoot, rootIssuer } from "../../../src/pki/x509/root.js";
import type { Page } from "../../../src/server/endpoints/console-page.js";
import type { Joins } from "../../../src/server/endpoints/joins.js";
import { HttpsApi } from "../../../src/server/https-api.js";
import type { Relay } from "../../../src/server/relay/relay-message.js";
import { MeshEvents } from "../../../src/server/views/mesh-events.js";
import { MemoryFiles } from "../../../src/storage/state-files.js";
import type { NotReady } from "../../../src/trust/peer-acceptance.js";
import { soloMesh } from "../../catalog/solo-mesh.js";

import { checkAnswer, parsedAnswer } from "../../contract.js";

import { ownPublicLeaf } from "../../pki/x509/own-public-leaf.js";

import { FakeMesh } from "./fake-mesh.js";
import { FakeCompiler, FakeSandbox } from "./fakes.js";
import { testDoor } from "./test-door.js";

/** An answer, whole. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly json: () => unknown;
  /** The JSON body of an answer of that route, parsed by its schema. */
  readonly of: <R extends Route>(route: R) => AnswerJson<R>;
  /** The problem document, parsed. */
  readonly problem: () => Problem;
}

/** What to send; `token: null` sends none, else an admin's. */
export interface Question extends RequestOptions {
  readonly body?: string | Buffer;
  readonly token?: string | null;
}

/** The root of all test nodes of a process: making one takes a second. */
const root = foundRoot({ domains: [], clock: systemClock });

/** How a test's server differs. Servers with the same `tokenKey` are of one mesh. */
export interface TestNodeOptions {
  readonly limits?: Partial<Limits>;
  readonly node?: { readonly id: string; readonly name: string };
  readonly relay?: Relay;
  readonly joins?: Joins;
  readonly tokenKey?: Awaited<ReturnType<typeof tokenKey>>;
  /** Stands in for the invoker of a node in a mesh, given that of a node alone. */
  readonly invoker?: (local: Invoker) => Invoker;
  readonly page?: Page;
  readonly reasons?: () => readonly NotReady[];
}

const pageFile = {
  type: "text/html; charset=utf-8",
  bytes: Buffer.from("<!doctype html>"),
  brotli: undefined,
  gzip: undefined,
};

/** Everything may be done here. */
const alone: Relay = { isHere: () => true, request: () => Promise.reject(new TypeError("there is nobody to ask")) };

/** A relay of a test, with its answers counted. */
function counting(relay: Relay, fakes: { answers: number }): Relay {
  return {
    isHere: (where) => relay.isHere(where),
    request: (...request) => {
      fakes.answers++;
      return relay.request(...request);
    },
  };
}

/** A running server. */
export class TestNode {
  readonly compiler = new FakeCompiler();
  readonly sandbox = new FakeSandbox();
  readonly ring = new LogRing();
  readonly errors: unknown[] = [];
  readonly limits: Limits;
  readonly signIn: SignIn;
  readonly ownerSecret: OwnerSecret;
  readonly mesh: FakeMesh;
  readonly events: MeshEvents;
  readonly agent: Agent;
  /** The root certificate, in PEM. */
  readonly root: string;
  /** Puts a new certificate into service. */
  readonly renew: () => Promise<void>;
  /** How many answers a test's own relay made: the contract does not hold for those. */
  readonly fakes: { answers: number };

  private constructor(
    readonly api: HttpsApi,
    readonly tokens: TokenAuthority,
    readonly admin: string,
    parts: Pick<
      TestNode,
      | "compiler"
      | "sandbox"
      | "ring"
      | "errors"
      | "limits"
      | "signIn"
      | "ownerSecret"
      | "mesh"
      | "events"
      | "agent"
      | "root"
      | "renew"
      | "fakes"
    >,
  ) {
    this.compiler = parts.compiler;
    this.sandbox = parts.sandbox;
    this.ring = parts.ring;
    this.errors = parts.errors;
    this.limits = parts.limits;
    this.signIn = parts.signIn;
    this.ownerSecret = parts.ownerSecret;
    this.mesh = parts.mesh;
    this.events = parts.events;
    this.agent = parts.agent;
    this.root = parts.root;
    this.renew = parts.renew;
    this.fakes = parts.fakes;
  }

  /** Starts one on a free port. */
  static async start(options: TestNodeOptions = {}): Promise<TestNode> {
    const { certificate, key, meshId } = await root;
    const clock = systemClock;
    const issuer = rootIssuer({ certificate, key });
    const issue = () => ownPublicLeaf({ issuer, hosts: ["localhost", "127.0.0.1"], nodeName: "test", clock });
    const tokens = new TokenAuthority({
      meshId,
      key: options.tokenKey ?? (await tokenKey()),
      signer: signerOf(await makeEnrolledKey()),
      files: new MemoryFiles(),
      clock,
    });
    await tokens.open();
    const catalog = new Catalog({ files: new MemoryFiles(), clock, ...soloMesh() });
    await catalog.open();
    const limits = { ...defaultLimits, ...options.limits };
    const named = options.node ?? { id: "0123", name: "test" };
    const parts = {
      mesh: new FakeMesh(named),
      events: new MeshEvents(),
      compiler: new FakeCompiler(),
      sandbox: new FakeSandbox(),
      ring: new LogRing(),
      errors: [] as unknown[],
      limits,
      ownerSecret: new OwnerSecret(),
      signIn: new SignIn({ tokens, clock }),
      agent: new Agent({ ca: certificate, keepAlive: true }),
    };
    const ignore = (): void => undefined;
    const log: Logger = {
      trace: ignore,
      debug: ignore,
      info: ignore,
      warn: ignore,
      error: (_, more) => parts.errors.push(more?.cause),
    };
    const router = new AppRouter();
    const activation = new Activation({ catalog, preparer: parts.sandbox, switch: router });
    const deployer = new Deployer({
      compiler: parts.compiler,
      catalog,
      activation,
      clock: systemClock,
      log,
      node: named.name,
      maxWaiting: 3,
    });
    const fakes = { answers: 0 };
    const api = new HttpsApi({
      canRun: () => true,
      door: testDoor,
      host: "localhost",
      port: 0,
      advertise: "localhost",
      node: named,
      rootCertificatePem: certificate,
      limits,
      connections: { limit: limits.connections, limitPerAddress: limits.connectionsPerAddress },
      clock,
      log,
      ring: parts.ring,
      metrics: new Metrics(),
      tokens,
      ownerSecret: parts.ownerSecret,
      signIn: parts.signIn,
      joins: options.joins ?? { authority: undefined, issuer: undefined, masters: () => [] },
      catalog,
      deployer,
      router,
      invoker: options.invoker?.(new LocalInvoker(parts.sandbox)) ?? new LocalInvoker(parts.sandbox),
      relay: options.relay === undefined ? alone : counting(options.relay, fakes),
      mesh: parts.mesh,
      events: parts.events,
      owner: new Governor({
        defaults: defaultOwnerPolicy,
        store: await openPolicyStore(new MemoryFiles(), log),
        workers: 4,
        cores: 8,
        clock,
        signals: { read: async () => noSignals },
        alone: () => false,
        timers: systemTimers,
      }),
      about: () => ({ version: "0.0.0", startedAt: 0, certificates: { peer: 1, public: 2 } }),
      reasons: () => options.reasons?.() ?? [],
      page: options.page ?? { html: pageFile, files: new Map() },
    });
    await withKeyFiles(await issue(), (files) => api.start(files));
    const renew = async () => withKeyFiles(await issue(), (files) => api.reload(files));
    api.ready();
    const admin = await tokens.issue({ role: "admin", ttlSeconds: 600 });
    return new TestNode(api, tokens, admin.token, { ...parts, root: certificate, renew, fakes });
  }

  /** Closes everything. */
  async stop(): Promise<void> {
    this.agent.destroy();
    this.api.stop();
  }

  /** Starts a request; the caller writes its body. */
  open(path: string, question: Question = {}): ReturnType<typeof request> {
    const { body: _body, token, headers, ...rest } = question;
    const authorization = token === null ? {} : { authorization: `Bearer ${token ?? this.admin}` };
    return request(this.api.url + path, {
      agent: this.agent,
      method: "GET",
      ...rest,
      headers: { ...authorization, ...(headers as Record<string, string> | undefined) },
    });
  }

  /** Asks and waits for the whole answer. */
  async ask(path: string, question: Question = {}): Promise<Answer> {
    const outgoing = this.open(path, question);
    if (question.body !== undefined) outgoing.setHeader("content-length", Buffer.byteLength(question.body));
    outgoing.end(question.body);
    const { answers } = this.fakes;
    const answer = await answerOf(outgoing);
    const { status, headers, body } = answer;
    const { method = "GET" } = question;
    if (answers === this.fakes.answers)
      checkAnswer({ method, path, status, type: headers["content-type"], text: body.toString() });
    return answer;
  }

  /** Sends a request of a route as an admin; the answer is checked, and parsed by the route's schema. */
  call<const R extends Route>(route: R, ...request: RequestArguments<R>): Promise<RouteAnswer<R>> {
    const client = new Client({ url: new URL(this.api.url), token: this.admin, ca: this.root, onAnswer: checkAnswer });
    return client.call(route, ...request);
  }

  /** Deploys a text. */
  async deploy(app: string, text = "export function echo(): void {}", query = ""): Promise<Answer> {
    return this.ask(`/v1/apps/${app}${query}`, {
      method: "PUT",
      body: text,
      headers: { "content-type": "text/plain" },
    });
  }
}

/** The answer to a request that was sent. */
export async function answerOf(outgoing: ReturnType<typeof request>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    outgoing.once("error", reject);
    outgoing.once("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const body = Buffer.concat(chunks);
        const json = (): unknown => JSON.parse(body.toString());
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body,
          json,
          of: (route) => parsedAnswer(route, body.toString()),
          problem: () => problem.parse(json()),
        });
      });
    });
  });
}
