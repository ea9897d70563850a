// One answer as endpoints make it: to a client, or to a peer that relayed a request.

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

/** Text that is JSON already: a large body, made without holding up the thread. */
export class JsonText {
  readonly text: string | Uint8Array;

  constructor(text: string | Uint8Array) {
    this.text = text;
  }
}

/** What a {@link Streamed} is made from. */
export interface StreamOptions {
  readonly type: string;
  /** Sent every few seconds; a reader of that media type skips it. */
  readonly heartbeat: string;
  /** Called once, when the headers may be sent. */
  start(write: (text: string) => void): void;
  /** Called once, when the reader is gone, or never came. */
  closed(): void;
}

/** A body without end. A reader that falls far behind is cut off. */
export class Streamed {
  readonly options: StreamOptions;

  constructor(options: StreamOptions) {
    this.options = options;
  }
}
