// A client that writes raw bytes over TLS or TCP, and collects the answers.

import { connect as connectTcp, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "node:tls";
import { get, type Row } from "./http-rows.js";

/** Port to connect to on this machine, and the root certificate in PEM. */
export interface Place {
  readonly port: number;
  readonly ca: string;
}

/** The answers to raw bytes. */
export interface Exchanged {
  /** Statuses in their order, without 1xx. */
  readonly statuses: readonly number[];
  readonly text: string;
  readonly closed: boolean;
  readonly ms: number;
}

/** Longest wait for the answers to a row, in milliseconds. */
const answerTimeoutMs = 8_000;
const betweenRecordsMs = 20;
const pollMs = 5;

/** A connection that collects the received bytes as Latin-1. */
export class RawClient {
  /** Resolves to the milliseconds from the start of the connection to its end. */
  readonly ended: Promise<number>;
  readonly #drips: NodeJS.Timeout[] = [];
  #text = "";
  #closed = false;

  private constructor(readonly socket: Socket) {
    const since = performance.now();
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString("latin1");
    });
    const close = (): void => {
      this.#closed = true;
    };
    socket.on("end", close).on("close", close).on("error", close);
    this.ended = new Promise((resolve) => {
      socket.once("close", () => {
        for (const drip of this.#drips) clearInterval(drip);
        resolve(performance.now() - since);
      });
    });
  }

  /** Connects over TLS; resolves after the handshake. */
  static async open({ port, ca }: Place): Promise<RawClient> {
    const socket = connect({ host: "127.0.0.1", port, ca, servername: "localhost" });
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
    return client;
  }

  /** Connects over TCP, and begins no handshake. */
  static overTcp({ port }: Pick<Place, "port">): RawClient {
    return new RawClient(connectTcp(port, "127.0.0.1"));
  }

  get text(): string {
    return this.#text;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get statuses(): number[] {
    return [...this.#text.matchAll(/HTTP\/1\.1 ([2-5][0-9][0-9])/g)].map(([, status]) => Number(status));
  }

  /** Writes Latin-1; several parts go in records of their own. */
  async send(parts: string | readonly string[]): Promise<void> {
    for (const [index, part] of (typeof parts === "string" ? [parts] : parts).entries()) {
      if (index > 0) await sleep(betweenRecordsMs);
      if (!this.#closed) this.socket.write(Buffer.from(part, "latin1"));
    }
  }

  /** Writes `head`, then `drip` each `everyMs` until the connection ends. */
  drip(head: string, drip: string, everyMs = 500): this {
    this.socket.write(head);
    this.#drips.push(setInterval(() => this.socket.writable && this.socket.write(drip), everyMs).unref());
    return this;
  }

  /** Waits until `done`, for {@link answerTimeoutMs} at most unless given. */
  async until(done: () => boolean, ms = answerTimeoutMs): Promise<boolean> {
    const end = performance.now() + ms;
    while (!done() && performance.now() < end) await sleep(pollMs);
    return done();
  }
}

/** Sends bytes, and waits for that number of answers or the end of the connection. */
export async function exchange(place: Place, send: Row["send"], answers = 1): Promise<Exchanged> {
  const client = await RawClient.open(place);
  const start = performance.now();
  await client.send(send);
  await client.until(() => client.closed || client.statuses.length >= answers);
  const { text, statuses, closed } = client;
  client.socket.destroy();
  return { text, statuses, closed, ms: performance.now() - start };
}

/** Plays a row; returns what is wrong with the answers, or undefined. */
export async function play({ send, status, connection, answers = 1 }: Row, place: Place): Promise<string | undefined> {
  const client = await RawClient.open(place);
  try {
    await client.send(send);
    await client.until(() => client.closed || client.statuses.length >= answers);
    const [first] = client.statuses;
    if (first === undefined) return client.closed ? "closed without an answer" : "no answer";
    if (!status.includes(first)) return `answered ${first}`;
    if (client.statuses.length < answers) return `${client.statuses.length} answers of ${answers}`;
    if (connection === "closed") {
      await client.until(() => client.closed);
      if (!client.closed) return "left open";
      return client.statuses.length > answers ? `answered what follows: ${client.statuses.join(", ")}` : undefined;
    }
    if (connection === "either") return undefined;
    await client.send(get());
    await client.until(() => client.closed || client.statuses.length > answers);
    const next = client.statuses[answers];
    return next === 200 ? undefined : `the next request: ${next ?? "no answer"}`;
  } finally {
    client.socket.destroy();
  }
}
