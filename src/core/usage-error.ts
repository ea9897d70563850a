// The error of a node or a command that was started wrongly: printed in one line, exit code 2.

/** A wrong flag, configuration file or environment variable. Its message is the whole line that the user reads. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
