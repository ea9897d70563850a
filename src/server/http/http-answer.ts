// An answer as endpoints make it: for a client, or for a peer that relayed a request.

/** An answer with a status, headers by lower-case name, and at most one body. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Content | Streamed | undefined;
}

/** A body and its media type. */
export class Content {
  readonly type: string;
  readonly body: string | Uint8Array;

  constructor(type: string, body: string | Uint8Array) {
    this.type = type;
    this.body = body;
  }
}

/** Text that is JSON already: a large body that was written in parts, so that the thread stayed free for calls. */
export class JsonText {
  readonly text: string | Uint8Array;

  constructor(text: string | Uint8Array) {
    this.text = text;
  }
}

/** Options of a {@link Streamed}. */
export interface StreamOptions {
  readonly type: string;
  /** Sent every few seconds to keep the connection alive; a reader of the media type skips the text. */
  readonly heartbeat: string;
  /** Called once, when the headers may be sent. */
  start(write: (text: string) => void): void;
  /** Called once, when the reader disconnects, or has disconnected before the start. */
  closed(): void;
}

/** A body without end. A reader that falls far behind loses its connection (back-pressure). */
export class Streamed {
  readonly options: StreamOptions;

  constructor(options: StreamOptions) {
    this.options = options;
  }
}
