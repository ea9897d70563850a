// Failures of a request, as a client of the HTTPS interface meets them.

import { type Problem, problem } from "../api/problem-document.js";
import { tryParseJson } from "../core/json.js";

/** The node refused the request, or the function failed. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly document: Problem;
  /** The document as JSON text, with fields that this version does not know. */
  readonly text: string;

  constructor(document: Problem, text = JSON.stringify(document)) {
    super(document.detail ?? document.title);
    this.document = document;
    this.text = text;
  }
}

/** The answer does not fit the contract that this version was built with. */
export class UnreadableAnswerError extends Error {
  override readonly name = "UnreadableAnswerError";

  /** `asked` names method and URL, `reason` what does not fit. */
  constructor(asked: string, { reason, cause }: { readonly reason: string; readonly cause?: unknown }) {
    super(`${asked}: this version of herd does not understand the answer (${reason}): update herd, or the node`, {
      cause,
    });
  }
}

/** Code of an answer that is an error and no problem document: something between client and node gave it. */
const unreadableCode = "answer.unreadable";

/** The error for an answer of status 400 and above. */
export function problemError(status: number, text: string): ProblemError {
  const { success, data } = problem.safeParse(tryParseJson(text));
  if (success) return new ProblemError(data, text);
  const detail = `the answer has status ${status} and is no problem document`;
  return new ProblemError({ status, code: unreadableCode, title: "The answer cannot be read", detail });
}
