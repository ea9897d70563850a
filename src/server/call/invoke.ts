// POST and GET /fn/{app}/{function}: the hot path. Every call pays for each line here.

import type { CallArguments, CallLog } from "../../../runtime/sandbox/call.js";
import { checkAppName } from "../../core/app-name.js";
import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import type { Limits } from "../../core/limits.js";
import type { Logger } from "../../core/log.js";
import type { LogLevel, LogRing } from "../../core/log-ring.js";
import { roundedText } from "../../core/rounded.js";
import type { ActiveApp, AppRouter } from "../../invoke/app-router.js";
import {
  deadlineOf,
  type Hop,
  type Invocation,
  type InvocationEnd,
  type InvocationResult,
  type Invoker,
  PeerFailure,
} from "../../invoke/invoker.js";
import type { Claims } from "../../pki/tokens/claims.js";
import { claimsOf, requireRole } from "../http/authorize.js";
import { sendAnswer } from "../http/client-request.js";
import { decodedParameter } from "../http/http-request.js";
import { hasBody, receiveBody, whenReceived } from "../http/request-body.js";
import type { RequestContext } from "../http/request-context.js";
import { sendProblem } from "../http/send-problem.js";
import type { Tokens } from "../ports.js";
import { BodyBudget } from "./body-budget.js";
import { failureRecord } from "./call-failure.js";
import type { CallStats } from "./call-stats.js";
import { type InFlight, WaitingCall } from "./in-flight.js";
import type { InvocationMetrics } from "./invocation-metrics.js";

/** Dependencies of the invoke endpoint. `draining` returns whether new calls are refused. */
export interface InvokeOptions {
  readonly router: AppRouter;
  readonly invoker: Invoker;
  readonly tokens: Tokens;
  readonly inFlight: InFlight;
  readonly metrics: InvocationMetrics;
  readonly stats: CallStats;
  /** Takes what functions log, and a record for each call that its function failed; see {@link failureRecord}. */
  readonly ring: Pick<LogRing, "add">;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Logger;
  /** This node's name. */
  readonly node: string;
  /** The id of the node with a name; this node included. */
  readonly nodeIdOf: (name: string) => string | undefined;
  readonly nextInvocation: () => string;
  readonly draining: () => boolean;
  /** The error for an app that does not run here. */
  readonly unknownApp: (app: string) => HerdError;
}

/** What a call is made of before its arguments arrive. */
interface AcceptedCall extends Omit<Invocation, "arguments" | "signal" | "log"> {
  readonly context: RequestContext;
}

/** The endpoint as its calls see it. */
interface Answering {
  answer(call: ServedCall, result: InvocationResult): void;
  fail(call: ServedCall, error: unknown): void;
  /** An answer could not be sent. */
  broke(call: ServedCall, cause: unknown): void;
  logged(call: ServedCall, level: LogLevel, message: string): void;
}

/** A call on its way through the endpoint. One object for what it asks, and for its end: each call pays for more. */
class ServedCall implements Invocation, InvocationEnd, CallLog {
  readonly context: RequestContext;
  readonly app: ActiveApp;
  readonly function: string;
  readonly deadline: number;
  readonly id: string;
  readonly node: string | undefined;
  readonly signal: WaitingCall;
  readonly log: CallLog = this;
  arguments: CallArguments = { format: "json", body: "" };
  readonly #endpoint: Answering;

  constructor(endpoint: Answering, { context, app, function: name, deadline, id, node }: AcceptedCall) {
    this.#endpoint = endpoint;
    this.context = context;
    this.app = app;
    this.function = name;
    this.deadline = deadline;
    this.id = id;
    this.node = node;
    this.signal = new WaitingCall(context);
  }

  // The sandbox calls these: an exception would cost the other calls of the batch.
  resolve(result: InvocationResult): void {
    try {
      this.#endpoint.answer(this, result);
    } catch (cause) {
      this.#endpoint.broke(this, cause);
    }
  }

  reject(error: unknown): void {
    try {
      this.#endpoint.fail(this, error);
    } catch (cause) {
      this.#endpoint.broke(this, cause);
    }
  }

  line(level: LogLevel, message: string): void {
    this.#endpoint.logged(this, level, message);
  }
}

/** The parameters of the path, percent-encoded. */
interface CallPath {
  readonly app?: string;
  readonly function?: string;
}

/** A caller with a token. */
interface Caller {
  readonly claims: Claims;
  /** Name of the app. */
  readonly name: string;
  readonly parameters: CallPath;
}

/** Answers calls: reads the arguments, has the invoker run the call, and sends the result or the problem. */
export class InvokeEndpoint {
  readonly #options: InvokeOptions;
  readonly #bodies: BodyBudget;
  readonly #answering: Answering = {
    answer: (call, result) => this.#answer(call, result),
    fail: (call, error) => this.#fail(call.context, call, error),
    broke: (call, cause) => this.#broke(call, cause),
    logged: (call, level, message) => this.#logged(call, level, message),
  };

  constructor(options: InvokeOptions) {
    this.#options = options;
    this.#bodies = new BodyBudget(options.limits.queueBytes, options.clock);
  }

  /** The handler of both methods. Not async: each call would cost two more promises. */
  readonly handle = (context: RequestContext, parameters: CallPath): void => {
    try {
      const name = decodedParameter(parameters.app);
      const active = this.#options.router.find(name);
      const { headers } = context;
      if (active?.public === true && headers["herd-node"] === undefined) {
        this.#accept(context, { app: active, node: undefined, function: parameters.function });
        return;
      }
      if (active === undefined) checkAppName(name);
      const claims = claimsOf(this.#options.tokens, headers.authorization);
      if (claims instanceof Promise) {
        claims
          .then((verified) => this.#authorize(context, { claims: verified, name, parameters }))
          .catch((error) => {
            this.#fail(context, undefined, error);
          });
        return;
      }
      this.#authorize(context, { claims, name, parameters });
    } catch (error) {
      this.#fail(context, undefined, error);
    }
  };

  #authorize(context: RequestContext, { claims, name, parameters }: Caller): void {
    requireRole(claims, "invoke", name);
    const pinned = context.headers["herd-node"];
    if (pinned !== undefined) requireRole(claims, "admin", name);
    const node = pinned === undefined ? undefined : this.#nodeOf(pinned);
    const active = this.#options.router.find(name);
    if (active === undefined) throw this.#options.unknownApp(name);
    this.#accept(context, { app: active, node, function: parameters.function });
  }

  /** Id of the node with that name. */
  #nodeOf(name: string): string {
    const id = this.#options.nodeIdOf(name);
    if (id === undefined) throw new HerdError("node.unknown", `no node is called ${name.slice(0, 80)}`);
    return id;
  }

  /** Reads the call's arguments. The caller is already authorized. */
  #accept(
    context: RequestContext,
    { app, node, function: raw }: { app: ActiveApp; node: string | undefined; function: string | undefined },
  ): void {
    const { limits, clock } = this.#options;
    const { headers } = context;
    const name = decodedParameter(raw);
    if (!app.functions.has(name)) {
      throw new HerdError("function.unknown", `the app ${app.app} has no function ${name.slice(0, 80)}`);
    }
    if (this.#options.draining()) {
      throw new HerdError("node.draining", "the node takes no new calls", { retryAfterSeconds: 5 });
    }
    const deadline = deadlineOf(headers["herd-deadline-ms"], { deadlineMs: limits.deadlineMs, clock });
    const id = this.#options.nextInvocation();
    const call = new ServedCall(this.#answering, { context, app, function: name, deadline, id, node });
    if (context.method === "GET") {
      const body = context.query;
      const received = (): void => this.#run(call, { format: "query", body });
      if (context.isReceived) received();
      else whenReceived(context, { limitBytes: limits.argumentBytes, received });
    } else if (!hasBody(context)) {
      this.#run(call);
    } else {
      checkMedia(headers["content-type"], headers["content-encoding"]);
      const arrived = this.#bodies.admit(context, limits.argumentBytes);
      this.#options.inFlight.add(call.signal);
      receiveBody(context, {
        limitBytes: limits.argumentBytes,
        done: (body) => {
          arrived();
          this.#run(call, { format: "json", body });
        },
        failed: (error) => {
          arrived();
          this.#fail(context, call, error);
        },
      });
    }
  }

  #run(call: ServedCall, args = call.arguments): void {
    const { signal } = call;
    call.arguments = args;
    signal.arriving = false;
    this.#options.inFlight.add(signal);
    try {
      this.#options.invoker.begin(call, call);
    } catch (error) {
      // A callback of the front door is the caller: an exception there would end the process.
      call.reject(error);
    }
  }

  #broke({ context, signal }: ServedCall, cause: unknown): void {
    this.#options.log.error("an answer could not be sent", { cause });
    this.#options.inFlight.delete(signal);
    // To close inside a callback of uWebSockets would end the process.
    setImmediate(() => {
      if (!context.isCompleted) context.close();
    });
  }

  #answer(call: ServedCall, result: InvocationResult): void {
    const { context, signal } = call;
    const { inFlight, limits, metrics } = this.#options;
    metrics.answered(result);
    this.#options.stats.answered(call.app, { name: call.function, result });
    if (context.isCompleted) {
      inFlight.delete(signal);
      return;
    }
    const { json, hop } = result;
    const headers = this.#names(call, hop);
    headers["server-timing"] = timingOf(result);
    if (json === null) {
      sendAnswer(context, { status: 204, headers, body: undefined }, limits.argumentBytes);
      inFlight.delete(signal);
      return;
    }
    headers["content-type"] = "application/json";
    const body = typeof json === "string" ? json : Buffer.from(json.buffer, json.byteOffset, json.byteLength);
    context.sendResult(headers, body, () => inFlight.delete(signal));
  }

  #fail(context: RequestContext, call: ServedCall | undefined, error: unknown): void {
    this.#options.metrics.failed(error);
    if (call !== undefined) this.#note(call, error);
    const { log, limits } = this.#options;
    const hop = error instanceof PeerFailure ? error.hop : undefined;
    const names = call === undefined ? {} : this.#names(call, hop);
    // A function with parameters that no query holds (RFC 9110, section 15.5.6).
    const isOtherMethod = error instanceof HerdError && error.status === 405;
    const headers = isOtherMethod ? { ...names, allow: "POST, OPTIONS" } : names;
    sendProblem(context, error, { log, bodyLimitBytes: limits.argumentBytes, headers });
    if (call !== undefined) this.#options.inFlight.delete(call.signal);
  }

  /** Counts and logs a call that failed. */
  #note(call: ServedCall, error: unknown): void {
    const { stats, clock, node, ring } = this.#options;
    const { app, function: name } = call;
    stats.failed(app, { name, error });
    const hop = error instanceof PeerFailure ? error.hop : undefined;
    const record = failureRecord(call, error);
    if (record !== undefined) ring.add({ ...record, at: clock.now(), node: hop?.node ?? node });
  }

  #logged({ app: { app, prepared }, function: name, id }: ServedCall, level: LogLevel, message: string): void {
    const { ring, clock, node } = this.#options;
    const { revision } = prepared;
    ring.add({ at: clock.now(), node, level, message, app, revision, function: name, invocation: id });
  }

  #names(call: ServedCall, hop: Hop | undefined): Record<string, string> {
    return {
      "herd-node": hop === undefined ? this.#options.node : hop.node,
      "herd-hops": hop === undefined ? "0" : "1",
      "herd-revision": call.app.prepared.revision,
      "herd-invocation": call.id,
    };
  }
}

/** The `server-timing` header of an answered call. */
function timingOf({ queueMs, runMs, hop }: InvocationResult): string {
  const here = `queue;dur=${roundedText(queueMs)}, run;dur=${roundedText(runMs)}`;
  return hop === undefined ? here : `${here}, hop;dur=${roundedText(hop.hopMs)}`;
}

/**
 * The body is read as JSON whatever its type states, since `curl -d` labels it a form. Types and encodings that cannot
 * be JSON are refused by name.
 */
function checkMedia(type: string | undefined, encoding: string | undefined): void {
  if (encoding !== undefined && encoding !== "identity") {
    throw new HerdError("media.unsupported", "arguments are not compressed: send them without content-encoding");
  }
  if (type?.startsWith("multipart/")) {
    throw new HerdError("media.unsupported", "arguments are one JSON text: send them as application/json");
  }
}
