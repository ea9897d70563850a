// The reason of a trap, in globals that the host reads: an import would make every component depend on the host.

/** Address of the message, an AssemblyScript string, or 0. */
export let herd_abort_message: usize = 0;
/** Address of the file's name, an AssemblyScript string, or 0. */
export let herd_abort_file: usize = 0;
export let herd_abort_line: i32 = 0;
export let herd_abort_column: i32 = 0;
/** 1 when memory could not grow. */
export let herd_out_of_memory: i32 = 0;

/** AssemblyScript's abort (`--use abort=`): throw, assert and failed checks end here. */
export function abort(message: string | null = null, file: string | null = null, line: u32 = 0, column: u32 = 0): void {
  herd_abort_message = changetype<usize>(message);
  herd_abort_file = changetype<usize>(file);
  herd_abort_line = line;
  herd_abort_column = column;
  unreachable();
}

/** Traps with a message that was made by hand: an AssemblyScript string at `message`. */
export function failWith(message: usize): void {
  herd_abort_message = message;
  unreachable();
}

/** The allocator calls this in place of a bare trap when memory cannot grow. */
export function outOfMemory(): void {
  herd_out_of_memory = 1;
  unreachable();
}
