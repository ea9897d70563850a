// Verifies the audit log for a client, on a thread of its own: thousands of signatures would hold up every call.

import { Worker } from "node:worker_threads";
import type { AuditVerdict } from "../../api/audit.js";

/** Checks one bundle at a time. */
export class AuditCheck {
  readonly #rootCertificatePem: string;
  #running: Promise<AuditVerdict> | undefined;

  constructor(rootCertificatePem: string) {
    this.#rootCertificatePem = rootCertificatePem;
  }

  /** The verdict on a bundle. Requests during a check share its verdict. Rejects when the thread fails. */
  verify(bundle: () => unknown): Promise<AuditVerdict> {
    this.#running ??= this.#run(bundle).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(bundle: () => unknown): Promise<AuditVerdict> {
    const workerData = { bundle: await bundle(), root: this.#rootCertificatePem };
    const worker = new Worker(new URL("./audit-check-thread.js", import.meta.url), { workerData });
    return new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
      worker.once("exit", () => reject(new Error("the thread ended without a verdict")));
    });
  }
}
