// The `herd` command with one fault: every call that its node runs fails at once, as in a node whose sandbox is broken.

import { LocalInvoker } from "../../src/invoke/invoker.js";

LocalInvoker.prototype.begin = (_invocation, end) => end.reject(new Error("the sandbox is broken"));
await import("../../src/cli/main.js");
