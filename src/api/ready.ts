// The `ready` line: a node prints this JSON with --json once it serves.

import * as z from "zod";
import type { DeepReadonly } from "./route.js";

/** The `ready` line of `herd up --json`. */
export const readyLine = z.object({
  event: z.literal("ready"),
  url: z.string().describe("`https://HOST:PORT`, with the advertised host."),
  peer: z.string().describe("`HOST:PORT` that peers dial."),
  node: z.string().describe("Name of the node, unique in its mesh."),
  mesh: z.string().describe("Id of the mesh."),
  token: z.string().optional().describe("An admin token, when the node founded the mesh."),
  ca: z.string().describe("Path of the root certificate."),
  state: z.string().describe("Path of the state folder."),
});

/** The `ready` line. */
export type ReadyLine = DeepReadonly<z.infer<typeof readyLine>>;
