// Ends with npm: it signals the shell that it started us through, and that shell may die without passing the signal on.

/**
 * Raises SIGTERM in this process, once, when the parent that `npm run` gave us is gone, unless a signal to end came
 * before. The poll is the only way: no system call notifies a process of its parent's death. Windows has no such shell
 * and no parent to watch.
 */
export function endWithParent() {
  if (process.env.npm_lifecycle_event === undefined || process.platform === "win32") return;
  const parent = process.ppid;
  let ending = false;
  const seen = (signal, number) => {
    ending = true;
    // As long as the target has no handler of its own, a signal still means the end.
    if (process.listenerCount(signal) === 1) process.exit(128 + number);
  };
  process.on("SIGTERM", seen).on("SIGINT", seen);
  const poll = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(poll);
    if (!ending) process.kill(process.pid, "SIGTERM");
  }, 200);
  poll.unref();
}
