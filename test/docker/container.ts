// One container that runs a node.

import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "../../src/client/client.js";
import { docker, inspect } from "./docker.js";

/** What `docker inspect` says of a container, as far as tests look. */
export interface ContainerState {
  readonly Config: { readonly Hostname: string; readonly Env: readonly string[] };
  readonly State: {
    readonly Running: boolean;
    readonly OOMKilled: boolean;
    readonly ExitCode: number;
    /** As the host counts; 0 when it does not run. */
    readonly Pid: number;
    readonly StartedAt: string;
    readonly Health?: { readonly Status: string };
  };
  readonly RestartCount: number;
  readonly NetworkSettings: {
    readonly Ports: Readonly<Record<string, readonly { readonly HostPort: string }[] | null>>;
    readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>>;
  };
}

const readyLimitMs = 60_000;

/** A container by its name. */
export class Container {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  state(): Promise<ContainerState> {
    return inspect<ContainerState>(this.name);
  }

  /** Runs a program in it; resolves to its output. */
  exec(command: readonly string[]): Promise<string> {
    return docker(["exec", this.name, ...command]);
  }

  /** What a script, which Node runs in it, prints as JSON. */
  async evaluate<Value>(script: string): Promise<Value> {
    return JSON.parse(await this.exec(["node", "--eval", script])) as Value;
  }

  /**
   * Milliseconds from the last start of the container to the line that its node serves; waits for that line. After an
   * end that the engine answers with a restart, `not` is the `StartedAt` of the earlier start: the engine reports that
   * one until the next start.
   */
  async ready({ not }: { not?: string } = {}): Promise<number> {
    for (const began = performance.now(); performance.now() - began < readyLimitMs; await sleep(50)) {
      const { State } = await this.state();
      if (State.StartedAt === not) continue;
      const startedAt = Date.parse(State.StartedAt);
      const lines = await docker(["logs", "--timestamps", "--since", State.StartedAt, this.name]);
      const served = /^(\S+) Node \S+ serves /m.exec(lines)?.[1];
      if (State.Running && served !== undefined) return Date.parse(served) - startedAt;
    }
    throw new Error(`${this.name} does not serve: ${(await this.log()).slice(-2_000)}`);
  }

  /** Everything that was printed in it, on both streams. */
  async log(): Promise<string> {
    return docker(["logs", this.name], { both: true });
  }

  /** What its mesh calls its node, as the node said when it last began to serve. */
  async node(): Promise<string> {
    return (await this.log()).match(/(?<=^Node )\S+(?= serves )/gm)?.at(-1) ?? "";
  }

  /** The mesh's root certificate in PEM. */
  ca(): Promise<string> {
    return this.evaluate<string>(
      `console.log(JSON.stringify(require("fs").readFileSync(process.env.HERD_STATE + "/ca.pem", "utf8")))`,
    );
  }

  /** A client of its node: by the published port where there is one, else by the address on `network`. */
  async client({ token, ca }: { token: string; ca: string }): Promise<Client> {
    return new Client({ url: new URL(await this.url()), token, ca });
  }

  /** Where its node is reached from here. */
  async url(): Promise<string> {
    const { NetworkSettings } = await this.state();
    const port = NetworkSettings.Ports["8443/tcp"]?.[0]?.HostPort;
    if (port !== undefined) return `https://127.0.0.1:${port}`;
    const [network] = Object.values(NetworkSettings.Networks);
    return `https://${network?.IPAddress}:8443`;
  }

  /** Resolves once the health check says so; within a minute. */
  async untilHealth(status: string): Promise<void> {
    for (const began = performance.now(); performance.now() - began < readyLimitMs; await sleep(250))
      if ((await this.state()).State.Health?.Status === status) return;
    throw new Error(`${this.name} is ${(await this.state()).State.Health?.Status}, not ${status}`);
  }
}
