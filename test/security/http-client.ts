// A client that writes raw bytes into a TLS socket and tells what came of them.

import { setTimeout as sleep } from "node:timers/promises";
import { connect, type TLSSocket } from "node:tls";
import { get, type Row } from "./http-rows.js";

/** Where to connect, and the root certificate in PEM. */
export interface Place {
  readonly port: number;
  readonly ca: string;
}

/** A raw exchange. */
export interface Exchanged {
  /** Statuses in their order, without 1xx. */
  readonly statuses: readonly number[];
  readonly text: string;
  readonly closed: boolean;
  readonly ms: number;
}

/** No row waits longer. */
export const patienceMs = 8_000;
const betweenRecordsMs = 20;
const pollMs = 5;

/** A connection that collects what comes. */
export class RawClient {
  #text = "";
  #closed = false;

  private constructor(readonly socket: TLSSocket) {
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString("latin1");
    });
    const close = (): void => {
      this.#closed = true;
    };
    socket.on("end", close).on("close", close).on("error", close);
  }

  /** Connects over TLS. */
  static async open({ port, ca }: Place): Promise<RawClient> {
    const socket = connect({ host: "127.0.0.1", port, ca, servername: "localhost" });
    await new Promise<void>((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
    return new RawClient(socket);
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

  /** Writes Latin-1; several parts go apart. */
  async send(parts: string | readonly string[]): Promise<void> {
    for (const [index, part] of (typeof parts === "string" ? [parts] : parts).entries()) {
      if (index > 0) await sleep(betweenRecordsMs);
      if (!this.#closed) this.socket.write(Buffer.from(part, "latin1"));
    }
  }

  /** Waits until `done`, or the patience ends. */
  async until(done: () => boolean, ms = patienceMs): Promise<boolean> {
    const end = performance.now() + ms;
    while (!done() && performance.now() < end) await sleep(pollMs);
    return done();
  }
}

/** Sends bytes and waits for so many answers or the end. */
export async function exchange(place: Place, send: Row["send"], answers = 1): Promise<Exchanged> {
  const client = await RawClient.open(place);
  const start = performance.now();
  await client.send(send);
  await client.until(() => client.closed || client.statuses.length >= answers);
  const { text, statuses, closed } = client;
  client.socket.destroy();
  return { text, statuses, closed, ms: performance.now() - start };
}

/** Plays a row; what is wrong with what came back, or undefined. */
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
