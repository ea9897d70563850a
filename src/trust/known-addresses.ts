// The addresses of the peers that a node knew, for its next start: there it finds its mesh when no peer dials it.

import * as z from "zod";
import { tryParseJson } from "../core/json.js";
import type { Logger } from "../core/log.js";
import { SerialQueue } from "../core/serial-queue.js";
import { keepIn, type StateFiles } from "../storage/state-files.js";

const fileName = "peers";
const shape = z.array(z.object({ id: z.string().max(64), address: z.string().max(300) })).max(1_000);

/** Addresses that are dialled after a restart, as they are kept. */
export interface KnownAddresses {
  readonly remembered: readonly { readonly id: string; readonly address: string }[];
  remember(addresses: readonly { readonly id: string; readonly address: string }[]): void;
}

/** Addresses in a file. */
export interface KeptAddresses extends KnownAddresses {
  /** Resolves when what was to be remembered is written, or could not be: before the state folder is another's. */
  written(): Promise<void>;
}

/** Reads the addresses. A file that cannot be read counts as none: masters are found by their records. */
export async function openAddresses(files: StateFiles, log: Logger): Promise<KeptAddresses> {
  const writes = new SerialQueue();
  return {
    remembered: await read(files),
    remember: (addresses) => {
      writes
        .run(() => keepIn(files, { name: fileName, content: JSON.stringify(addresses) }))
        .catch((cause: unknown) => log.warn("the peers' addresses could not be kept", { cause }));
    },
    written: () => writes.idle(),
  };
}

async function read(files: StateFiles): Promise<KnownAddresses["remembered"]> {
  const bytes = await files.read(fileName).catch(() => undefined);
  return bytes === undefined ? [] : (shape.safeParse(tryParseJson(bytes)).data ?? []);
}
