// The one check of a request's header block, before the body is read: RFC 9112 (sections 3, 5 and 6) and RFC 9110.

import { HerdError } from "../../core/errors.js";

/** The most field lines of a request. uWebSockets' parser itself reads at most 98. */
const maxHeaderLines = 64;
/** The most bytes of a request's target and field lines, with their separators. */
export const maxHeaderBytes = 16_384;

/** Bytes of the separators of a field line: `: ` and CRLF. */
const separatorBytes = 4;
/** Digits of a Content-Length that a number holds exactly. */
const maxLengthDigits = 15;

const digits = /^[0-9]+$/;
/** RFC 9110, section 5.6.2. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/**
 * RFC 3986, section 3.2: a bracketed address or a registered name, and perhaps a port. Empty is allowed (RFC 9112,
 * section 3.2).
 */
const host = /^(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]{0,5})?$/;
/** RFC 3986, section 3.3: the characters of a path. Escapes are checked where a parameter is decoded. */
const path = /^[A-Za-z0-9._~!$&'()*+,;=:@/%-]*$/;
/**
 * DEL: RFC 9110, section 5.5, allows no control character but the tab. uWebSockets' parser refuses all others.
 */
const control = "\x7f";

/**
 * The source of a header block: uWebSockets' request, or another server's in the same shape. Names are in lower case.
 */
export interface HeaderSource {
  getMethod(): string;
  getCaseSensitiveMethod(): string;
  getUrl(): string;
  getQuery(): string | undefined;
  getParameter(index: number): string | undefined;
  forEach(each: (name: string, value: string) => void): void;
}

/**
 * Checks the values that it passes on from a source. One block serves all requests of a server in turn, since each
 * header block is read at once. hyper-express reads the method only for a route of any method, and the path only for
 * a route with parameters: values that the table of routes matched exactly need no check.
 */
export class HeaderBlock implements HeaderSource {
  /** Why the request is refused. The connection ends with the refusal, since the framing is not certain. */
  refusal: HerdError | undefined;
  /** Whether the client asked, among other options, for the end of the connection after the answer. */
  closes = false;
  #source: HeaderSource;
  #each: (name: string, value: string) => void = () => undefined;
  #bytes = 0;
  #lines = 0;
  #hosts = 0;
  #types = 0;
  #tokens = 0;
  #length: string | undefined;
  #coding: string | undefined;
  /** The last valid Host field, which is not checked again: most clients of a node send the same. */
  #host = "";

  constructor(source: HeaderSource) {
    this.#source = source;
  }

  /** Turns to the next request. */
  turnTo(source: HeaderSource): void {
    this.#source = source;
    this.refusal = undefined;
    this.closes = false;
    this.#bytes = 0;
    this.#lines = 0;
    this.#hosts = 0;
    this.#types = 0;
    this.#tokens = 0;
    this.#length = undefined;
    this.#coding = undefined;
  }

  /** As the client wrote the method: methods are case-sensitive (RFC 9110, section 9.1). */
  getMethod(): string {
    const method = this.getCaseSensitiveMethod();
    if (!token.test(method)) this.#refuse("the method is not a token");
    return method;
  }

  getCaseSensitiveMethod(): string {
    return this.#source.getCaseSensitiveMethod();
  }

  getUrl(): string {
    const url = this.#source.getUrl();
    this.#bytes += url.length;
    if (!path.test(url)) this.#refuse("the target is no path of a URI");
    return url;
  }

  getQuery(): string | undefined {
    const query = this.#source.getQuery();
    if (query === undefined) return undefined;
    this.#bytes += query.length;
    if (query.includes("#")) this.#refuse("a target has no fragment");
    return query;
  }

  getParameter(index: number): string | undefined {
    return this.#source.getParameter(index);
  }

  /** Passes on each field line, with the value in the form that hyper-express compares. */
  forEach(each: (name: string, value: string) => void): void {
    this.#each = each;
    this.#source.forEach(this.#line);
    this.#checkWhole();
  }

  readonly #line = (name: string, value: string): void => {
    this.#lines++;
    this.#bytes += name.length + value.length + separatorBytes;
    if (value.includes(control)) this.#refuse("a field has a control character");
    this.#each(name, this.#checked(name, value));
  };

  #checked(name: string, value: string): string {
    switch (name) {
      case "":
        this.#refuse("a field has no name");
        break;
      case "host":
        if (this.#hosts++ > 0) this.#refuse("there is more than one Host field");
        else if (value !== this.#host) this.#checkHost(value);
        break;
      case "content-length":
        this.#checkLength(value);
        break;
      case "transfer-encoding":
        if (this.#coding !== undefined || value.toLowerCase() !== "chunked") {
          this.#refuse("the only transfer coding is chunked");
        }
        this.#coding = "chunked";
        return this.#coding;
      case "content-type":
        if (this.#types++ > 0) this.#refuse("there is more than one Content-Type field");
        break;
      case "authorization":
        if (this.#tokens++ > 0) this.#refuse("there is more than one Authorization field");
        break;
      case "expect":
        if (value.toLowerCase() !== "100-continue") {
          this.refusal ??= new HerdError("expectation.unsupported", "the only expectation is 100-continue");
        }
        break;
      case "connection":
        // uWebSockets takes any value of five letters for `close`, and reads no list.
        if (value.length > 5 && /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i.test(value)) this.closes = true;
        break;
    }
    return value;
  }

  #checkHost(value: string): void {
    if (host.test(value)) this.#host = value;
    else this.#refuse("the Host field names no host");
  }

  #checkLength(value: string): void {
    if (this.#length !== undefined) this.#refuse("there is more than one Content-Length field");
    else if (!digits.test(value)) this.#refuse("Content-Length is not a number");
    else if (value.length > maxLengthDigits) {
      this.refusal ??= new HerdError("request.too-large", "Content-Length is more than any body may have");
    }
    this.#length = value;
  }

  #checkWhole(): void {
    if (this.#lines > maxHeaderLines || this.#bytes > maxHeaderBytes) {
      this.refusal ??= new HerdError(
        "request.headers-too-large",
        `a request has at most ${maxHeaderLines} field lines, and ${maxHeaderBytes} bytes of them and its target`,
      );
    }
    if (this.#hosts === 0) this.#refuse("there is no Host field");
    if (this.#length !== undefined && this.#coding !== undefined) {
      this.#refuse("Content-Length and Transfer-Encoding exclude each other");
    }
  }

  #refuse(detail: string): void {
    this.refusal ??= new HerdError("request.malformed", detail);
  }
}
