// Failed requests as errors: the node's problem document, or one that the page writes when the node sent none.

import { problem as documentSchema, type Problem as ProblemDocument } from "../../../api/problem-document.ts";
import { text } from "../text.ts";

/** The node refused a request, could not be reached, or sent an answer that the page cannot read. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  /** As RFC 9457 has it. The page's own codes: `network`, `answer.unreadable`, and `http.STATUS` without a document. */
  readonly document: ProblemDocument;
  /** Headers of the answer: a failed call has a node and an id too. */
  readonly headers: Headers;

  constructor(
    document: ProblemDocument,
    { headers = new Headers(), cause }: { headers?: Headers; cause?: unknown } = {},
  ) {
    super(document.detail ?? document.title, { cause });
    this.document = document;
    this.headers = headers;
  }
}

/** The error of an answer that is no success: with its problem document, if the answer holds a valid one. */
export async function problemOf(answer: Response): Promise<ProblemError> {
  const { status, headers } = answer;
  try {
    return new ProblemError(documentSchema.parse(await answer.json()), { headers });
  } catch (cause) {
    const document = { status, code: `http.${status}`, title: text.problems.noDocument(status) };
    return new ProblemError(document, { headers, cause });
  }
}

/** The error of a request to which no answer came, or not the whole answer. */
export function networkProblem(cause: unknown): ProblemError {
  return new ProblemError({ status: 0, code: "network", title: text.problems.network }, { cause });
}
