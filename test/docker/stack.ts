// The containers, networks and volumes of one compose file, under names of their own, and gone at the end.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomHex } from "../../src/core/ids.js";
import { type ComposeFile, createArguments, networksOf, readCompose } from "./compose.js";
import { Container } from "./container.js";
import { docker } from "./docker.js";

/** What is left of `docker compose` with a file of ours. */
export class Stack {
  readonly #file: ComposeFile;
  readonly #prefix = `herd-test-${randomHex(4)}`;
  readonly #secrets: string;
  readonly #networks = new Set<string>();
  readonly #containers: Container[] = [];

  private constructor(file: ComposeFile, secrets: string) {
    this.#file = file;
    this.#secrets = secrets;
  }

  /** A stack of a file of `runtime/container`, of which nothing runs. */
  static async of(name: string): Promise<Stack> {
    return new Stack(readCompose(name), await mkdtemp(join(tmpdir(), "herd-secrets-")));
  }

  /** Starts a service, under another name when it has a container already; resolves when the engine has started it. */
  async start(name: string, { more = [] }: { more?: readonly string[] } = {}): Promise<Container> {
    const service = this.#file.services[name];
    if (service === undefined) throw new TypeError(`no service ${name}`);
    const container = new Container(`${this.#prefix}-${name}-${this.#containers.length}`);
    this.#containers.push(container);
    const [[first, aliases] = ["default", []] as const, ...others] = networksOf(service);
    for (const [network] of networksOf(service)) await this.#network(network);
    const joined = ["--network", this.#named(first), ...aliases.flatMap((alias) => ["--network-alias", alias])];
    const places = {
      named: (volume: string) => this.#named(volume),
      secret: (secret: string) => join(this.#secrets, secret),
    };
    await docker(["create", "--name", container.name, ...joined, ...createArguments(service, places), ...more]);
    for (const [network, names] of others) {
      const flags = names.flatMap((alias) => ["--alias", alias]);
      await docker(["network", "connect", ...flags, this.#named(network), container.name]);
    }
    await docker(["start", container.name]);
    return container;
  }

  /** Writes what a secret's file holds, before a service that needs it starts. */
  async secret(name: string, text: string): Promise<void> {
    if (this.#file.secrets[name] === undefined) throw new TypeError(`no secret ${name}`);
    // The folder is ours alone; the node's user in the container, which sees the file only, has to read it.
    await writeFile(join(this.#secrets, name), text, { mode: 0o644 });
  }

  /** Removes all of it. */
  async remove(): Promise<void> {
    for (const { name } of this.#containers) await docker(["rm", "--force", "--volumes", name]).catch(() => undefined);
    for (const network of this.#networks) await docker(["network", "rm", network]);
    for (const volume of Object.keys(this.#file.volumes))
      await docker(["volume", "rm", "--force", this.#named(volume)]);
    await rm(this.#secrets, { recursive: true, force: true });
  }

  async #network(name: string): Promise<void> {
    const known = this.#named(name);
    if (this.#networks.has(known)) return;
    const internal = this.#file.networks[name]?.internal === true ? ["--internal"] : [];
    await docker(["network", "create", ...internal, known]);
    this.#networks.add(known);
  }

  #named(name: string): string {
    return `${this.#prefix}-${name}`;
  }
}
