// A command that did its work, and whose answer is no.

/** What was checked does not hold: exit code 1, and one line that says so. */
export class FailedCheck extends Error {
  override readonly name = "FailedCheck";
}
