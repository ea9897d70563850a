// The thread of an audit check: verifies the bundle in its `workerData`, posts the verdict, and ends.

import { parentPort, workerData } from "node:worker_threads";
import { verifyAudit } from "../../pki/audit/verify.js";

const { bundle, root } = workerData as { readonly bundle: unknown; readonly root: string };
parentPort?.postMessage(verifyAudit(bundle, root));
