// Health, metrics, the root certificate, this interface's own description, and the console.

import * as z from "zod";
import { answer, bytes, json, type Route } from "./route.js";

/** `GET /healthz`. */
export const health = {
  method: "GET",
  path: "/healthz",
  summary: "Whether the process serves.",
  role: "none",
  at: "here",
  answers: { 200: answer("The process serves.", bytes("text/plain")) },
} as const satisfies Route;

/** `GET /readyz`. */
export const readiness = {
  method: "GET",
  path: "/readyz",
  summary: "Whether the node should get calls.",
  role: "none",
  at: "here",
  answers: {
    200: answer("The node is ready. A second line counts the files that wait for the disk.", bytes("text/plain")),
  },
  problems: ["node.draining", "node.paused", "node.unavailable", "node.revoked"],
} as const satisfies Route;

/** `GET /ca.pem`. */
export const rootCertificate = {
  method: "GET",
  path: "/ca.pem",
  summary: "The root certificate of the mesh in PEM.",
  role: "none",
  at: "here",
  answers: { 200: answer("The certificate.", bytes("application/x-pem-file")) },
} as const satisfies Route;

/** `GET /metrics`. */
export const metrics = {
  method: "GET",
  path: "/metrics",
  summary: "Metrics in the text format of Prometheus.",
  role: "loopback",
  at: "here",
  answers: { 200: answer("The metrics.", bytes("text/plain; version=0.0.4; charset=utf-8")) },
} as const satisfies Route;

/** `GET /v1/openapi.json`. */
export const description = {
  method: "GET",
  path: "/v1/openapi.json",
  summary: "Describes this interface in OpenAPI 3.1.",
  role: "none",
  at: "here",
  answers: { 200: answer("The document.", json(z.record(z.string(), z.unknown()))) },
} as const satisfies Route;

/** `GET /`. */
export const page = {
  method: "GET",
  path: "/",
  summary: "The console. The page loads without a token, and has a form to sign in with one.",
  role: "none",
  at: "here",
  answers: { 200: answer("The page.", bytes("text/html; charset=utf-8")) },
} as const satisfies Route;

/** `GET /console/{file}`. */
export const pageFile = {
  method: "GET",
  path: "/console/{file}",
  summary: "A file of the console.",
  role: "none",
  at: "here",
  parameters: z.object({ file: z.string() }),
  answers: { 200: answer("The file.", bytes("*/*")) },
  problems: ["path.unknown"],
} as const satisfies Route;
