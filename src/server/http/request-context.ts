// The request context of a client: its request, and the way of the answer out, whichever front door the client came
// through.

/** Receives a body piece by piece. One of `ended` and `failed` is called, and at most once. */
export interface BodyReader {
  chunk(bytes: Buffer): void;
  /** Called when the body has arrived whole, or when the client disconnected within it. */
  ended(): void;
  failed(): void;
  /** Called when the body comes too slowly. */
  late(): void;
}

/** An answer without end that has begun. */
export interface AnswerStream {
  /** Bytes that wait in memory, since the client reads more slowly than they come. */
  readonly waitingBytes: number;
  write(text: string): void;
}

/** One request of a client, and its response. Each front door has its own. */
export interface RequestContext {
  readonly method: string;
  /** Percent-encoded, without the query. */
  readonly path: string;
  /** Percent-encoded, without the question mark; empty without a query. */
  readonly query: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** IP address of the client. To be read before the handler returns: afterwards it may be gone. */
  readonly remoteAddress: string;
  /** Whether the whole body has arrived, or no more of it is read. */
  readonly isReceived: boolean;
  /** Bytes of the body that have arrived. */
  readonly receivedBytes: number;
  /** Whether the answer is sent, or the client is gone. */
  readonly isCompleted: boolean;
  /** Whether the head of the answer is sent. */
  readonly isInitiated: boolean;

  /**
   * Reads the whole body of a request whose length is known and within bounds. Calls `done` with it, or `late` when it
   * comes too slowly, or neither when the client disconnects. Not a promise: each call would pay for two.
   */
  wholeBody(done: (body: Buffer) => void, late: () => void): void;
  /** Reads the body piece by piece. */
  readChunks(reader: BodyReader): void;
  /** Stops reading a body that does not come: the answer may be sent now, and is the last one of its connection. */
  cutBody(): void;

  /** Sends an answer with a body. `headers` hold its type. */
  send(status: number, headers: Readonly<Record<string, string>>, body: string | Buffer): void;
  /** Sends an answer without a body; one to HEAD has the `content-length` of the answer to GET. */
  sendEmpty(status: number, headers: Readonly<Record<string, string>>): void;
  /**
   * Sends the result of a call, the hot path, as fast as the client reads. Calls `sent` when the last byte has left the
   * process, or when the client disconnects. The memory of `body` may be used again afterwards.
   */
  sendResult(headers: Readonly<Record<string, string>>, body: string | Buffer, sent: () => void): void;
  /** Begins an answer without end. */
  stream(headers: Readonly<Record<string, string>>): AnswerStream;

  /** Calls `listener` when the client disconnects before its answer is sent. */
  onGone(listener: () => void): void;
  /** Calls `listener` when the answer is sent, or the client is gone. */
  onClose(listener: () => void): void;
  /** Ends the connection. */
  close(): void;
}
