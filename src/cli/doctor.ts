// `herd doctor`: what is wrong with the files of a state directory, and what to do about it.

import { type GlobalOptions, stateDirectory } from "../client/client-options.js";
import { examineState } from "../pki/state/state-examination.js";
import { FailedCheck } from "./command-errors.js";
import { printJson, printLine, printTable } from "./print.js";

/**
 * Checks the state directory. Throws {@link FailedCheck} when something is wrong, `UsageError` when no node was ever
 * there.
 */
export async function doctor(options: GlobalOptions): Promise<void> {
  const state = stateDirectory(options);
  const files = await examineState(state);
  const wrong = files.filter(({ problem }) => problem !== null);
  if (options.json) printJson({ ok: wrong.length === 0, state, files });
  else {
    printTable(files.map(({ file, problem }) => [file, problem ?? "good"]));
    for (const { file, remedy } of wrong) printLine(`${file}: ${remedy}`);
  }
  if (wrong.length > 0) {
    const which = wrong.length === 1 ? "1 file is" : `${wrong.length} files are`;
    throw new FailedCheck(`${which} not as the node left them in ${state}`);
  }
}
