// The error of someone who started a node or a command wrongly: told in one line, exit code 2.

/** A wrong flag, configuration file or environment variable. Its message is the whole line that the user reads. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
