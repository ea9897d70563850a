// The one error class for failures that a caller or an operator can act on, and its form as data.

import { type ErrorCode, errorTable, type Fault } from "./error-codes.js";

/** A place in an uploaded source; line and column count from 1, `source` is the whole source line. */
export interface Diagnostic {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly source: string;
}

/** What a {@link HerdError} may carry beside its code and detail. */
export interface ErrorExtras {
  readonly cause?: unknown;
  /** JSON pointer (RFC 6901) into the arguments, or `file:line:column` of a source. */
  readonly where?: string;
  readonly diagnostics?: readonly Diagnostic[];
  /** Seconds after which a retry makes sense; sent as `Retry-After`. */
  readonly retryAfterSeconds?: number;
}

/** An {@link HerdError} as plain data: how it crosses threads, processes and links. */
export interface ErrorData {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly where?: string;
  readonly diagnostics?: readonly Diagnostic[];
  readonly retryAfterSeconds?: number;
}

/** The one error class for what a caller or an operator can act on. */
export class HerdError extends Error {
  override readonly name = "HerdError";
  readonly code: ErrorCode;
  readonly where: string | undefined;
  readonly diagnostics: readonly Diagnostic[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, detail: string, extras: ErrorExtras = {}) {
    super(detail, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.code = code;
    this.where = extras.where;
    this.diagnostics = extras.diagnostics;
    this.retryAfterSeconds = extras.retryAfterSeconds;
  }

  /** HTTP status of this error's code. */
  get status(): number {
    return errorTable[this.code].status;
  }

  /** Whose fault it is: what decides about retries, never the code itself. */
  get fault(): Fault {
    return errorTable[this.code].fault;
  }

  /** This error as data, without its cause and stack. */
  toData(): ErrorData {
    return {
      code: this.code,
      detail: this.message,
      ...(this.where === undefined ? {} : { where: this.where }),
      ...(this.diagnostics === undefined ? {} : { diagnostics: this.diagnostics }),
      ...(this.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: this.retryAfterSeconds }),
    };
  }

  /** The error that {@link toData} described. */
  static fromData(data: ErrorData): HerdError {
    return new HerdError(data.code, data.detail, data);
  }
}
