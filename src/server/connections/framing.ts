// The one check of a request's header block, before anything reads its body: RFC 9112 (sections 3, 5 and 6) and RFC
// 9110.

import { HerdError } from "../../core/errors.js";

/** Field lines of a request. uWebSockets' parser itself reads at most 98. */
const maxHeaderLines = 64;
/** Bytes of a request's target and field lines, with the separators of these. */
export const maxHeaderBytes = 16_384;

/** What separates a name, a value and the next line: `: ` and CRLF. */
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
/** RFC 3986, section 3.3: what a path consists of. Escapes are checked where a parameter is decoded. */
const path = /^[A-Za-z0-9._~!$&'()*+,;=:@/%-]*$/;
/**
 * RFC 9110, section 5.5: no control character but the tab. uWebSockets' parser stops at all others but this one, DEL.
 */
const control = "\x7f";

/**
 * What a header block is read from: uWebSockets' request, or another server's in its shape. Names come in lower case.
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
 * Reads one source after the other and checks what it passes on; a server has one, since what it reads is read at once.
 * hyper-express reads the method only where a path takes any, and no path where the route has no parameter: what the
 * table of routes matched exactly needs no look.
 */
export class HeaderBlock implements HeaderSource {
  /** Why the request is refused; its connection ends with that answer, since its framing is not certain. */
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
  /** The last one that was good: most clients of a node write the same. */
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

  /** Each field line, with the value under which hyper-express knows it. */
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
        // uWebSockets takes any value of five letters for `close`, and no list.
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
