// The root's key at rest: as a file under the state's key, and inside it, if there is a passphrase, encrypted once
// more.

import { createPrivateKey, type KeyObject, randomBytes, scrypt } from "node:crypto";
import { promisify } from "node:util";
import { HerdError } from "../../core/errors.js";
import { Sealer, sealingKeyBytes } from "../../storage/sealer.js";

const version = 1;
const context = "root-key/passphrase";
/** 32 MiB and some 100 ms a guess (RFC 7914). */
const cost = { N: 2 ** 15, r: 8, p: 1 } as const;
const saltBytes = 16;
const derive = promisify<string, Buffer, number, object, Buffer>(scrypt);

/**
 * `plain`: PKCS #8 DER. `scrypt`: the same, sealed (AES-256-GCM) under what scrypt makes of the passphrase. Bytes are
 * base64.
 */
type RootKeyFile =
  | { readonly version: typeof version; readonly form: "plain"; readonly key: string }
  | {
      readonly version: typeof version;
      readonly form: "scrypt";
      readonly N: number;
      readonly salt: string;
      readonly key: string;
    };

/** The content of the root key's file. With a passphrase, neither the disk nor the state's key gives the key away. */
export async function encodeRootKey(key: KeyObject, passphrase: string | undefined): Promise<string> {
  const plain = key.export({ type: "pkcs8", format: "der" });
  if (passphrase === undefined) {
    return JSON.stringify({ version, form: "plain", key: plain.toString("base64") } satisfies RootKeyFile);
  }
  const salt = randomBytes(saltBytes);
  const sealed = (await sealerOf(passphrase, { N: cost.N, salt })).seal(plain, context);
  const file: RootKeyFile = {
    version,
    form: "scrypt",
    N: cost.N,
    salt: salt.toString("base64"),
    key: sealed.toString("base64"),
  };
  return JSON.stringify(file);
}

/** Whether a file's content opens with a passphrase only. Throws as {@link decodeRootKey} does. */
export function needsPassphrase(content: Uint8Array): boolean {
  return parse(content).form === "scrypt";
}

/**
 * The root's key in a file's content. Throws HerdError `state.conflict` when its passphrase is missing or wrong, and
 * `internal` when another version wrote the content.
 */
export async function decodeRootKey(content: Uint8Array, passphrase: string | undefined): Promise<KeyObject> {
  const file = parse(content);
  const bytes = Buffer.from(file.key, "base64");
  if (file.form === "plain") return createPrivateKey({ key: bytes, type: "pkcs8", format: "der" });
  if (passphrase === undefined) {
    throw new HerdError("state.conflict", "the root's key has a passphrase: restart with --root-passphrase-file");
  }
  const sealer = await sealerOf(passphrase, { N: file.N, salt: Buffer.from(file.salt, "base64") });
  const key = sealer.open(bytes, context);
  if (key === undefined) throw new HerdError("state.conflict", "the passphrase of the root's key is another one");
  return createPrivateKey({ key, type: "pkcs8", format: "der" });
}

async function sealerOf(passphrase: string, { N, salt }: { N: number; salt: Buffer }): Promise<Sealer> {
  const { r, p } = cost;
  // As typed on any machine: one passphrase has several spellings in Unicode.
  const key = await derive(passphrase.normalize("NFKC"), salt, sealingKeyBytes, { N, r, p, maxmem: 256 * N * r });
  return new Sealer(key);
}

function parse(content: Uint8Array): RootKeyFile {
  try {
    const file = JSON.parse(Buffer.from(content).toString("utf8")) as RootKeyFile;
    if (file.version === version && typeof file.key === "string") {
      if (file.form === "plain") return file;
      // Authenticated by the state's key; bounded all the same, since it orders memory.
      const orderly = Number.isInteger(file.N) && file.N >= 2 ** 15 && file.N <= 2 ** 20;
      if (file.form === "scrypt" && typeof file.salt === "string" && orderly) return file;
    }
  } catch {
    // Said below.
  }
  throw new HerdError("internal", "the root key's file was written by another version");
}
