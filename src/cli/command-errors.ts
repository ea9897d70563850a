// Failures of a command that are neither wrong usage nor an answer of a node.

/** The command did its work and printed its verdict, which is no: exit code 1, and this line. */
export class FailedCheck extends Error {
  override readonly name = "FailedCheck";
}

/** The command could not do its work on this machine: exit code 1, and this line. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}
