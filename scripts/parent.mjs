// Ends with npm: it signals the shell that it started us through, and that shell may die without passing the signal on.

/**
 * When the parent that `npm run` gave us is gone, raises SIGTERM here, once, unless a signal to end came already. The poll is the
 * only way: nothing tells a process that its parent died. Windows has no such shell and no parent to watch.
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
