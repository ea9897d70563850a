// A log that says nothing.

import type { Logger } from "../../../src/core/log.js";

const nothing = (): void => undefined;

/** Takes every line and keeps none. */
export const silent: Logger = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };
