// The mesh of compose.mesh.yaml, brought up as docs/guides/containers.md describes.

import { deployApp } from "../../src/api/apps.js";
import type { Client } from "../../src/client/client.js";
import { readText } from "../source-tree.js";
import type { Container } from "./container.js";
import { Stack } from "./stack.js";

/** A running master and its nodes. */
export class DockerMesh {
  readonly stack: Stack;
  readonly master: Container;
  readonly ca: string;
  /** An admin token, and the reusable join token that the nodes read from a file. */
  readonly token: string;
  readonly joinToken: string;

  private constructor(stack: Stack, facts: Pick<DockerMesh, "master" | "ca" | "token" | "joinToken">) {
    this.stack = stack;
    this.master = facts.master;
    this.ca = facts.ca;
    this.token = facts.token;
    this.joinToken = facts.joinToken;
  }

  /** Starts the master, has it make the join token, and writes that where the nodes find it. */
  static async start(): Promise<DockerMesh> {
    const stack = await Stack.of("compose.mesh.yaml");
    try {
      const master = await stack.start("master");
      await master.ready();
      const create = ["herd", "token", "create", "--role"];
      const joinToken = await master.exec([...create, "join", "--uses", "10000", "--ttl", "90d"]);
      await stack.secret("join-token", joinToken);
      const token = (await master.exec([...create, "admin"])).trim();
      return new DockerMesh(stack, { master, ca: await master.ca(), token, joinToken: joinToken.trim() });
    } catch (error) {
      await stack.remove();
      throw error;
    }
  }

  /** Starts `east` or `west`; resolves when it serves. */
  async join(name: "east" | "west"): Promise<Container> {
    const node = await this.stack.start(name);
    await node.ready();
    return node;
  }

  /** A client of one of its containers, with the admin token. */
  client(container: Container): Promise<Client> {
    return container.client(this);
  }

  /** Deploys a source of this repository as an app; resolves to the names of the nodes that have it. */
  async deploy(app: string, { path, to = this.master }: { path: string; to?: Container }): Promise<readonly string[]> {
    const client = await this.client(to);
    const raw = { type: "application/typescript", bytes: readText(path) };
    return (await client.call(deployApp, { parameters: { app }, raw })).json.nodes;
  }
}
