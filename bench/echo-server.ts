// The baselines of the benchmarks: servers over HTTPS that parse a JSON body and answer one, and do nothing more.
// Arguments: kind, key file, certificate file. Prints its port when it listens.

import uWebSockets from "uWebSockets.js";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import hyperExpress from "hyper-express";

/** The kinds of servers that run in Node. */
export type EchoKind = "hyper-express" | "uws" | "node:https";

type Pair = readonly [number, number];

const kinds: Record<EchoKind, (key: string, cert: string) => Promise<number>> = {
  "hyper-express": async (key, cert) => {
    const server = new hyperExpress.Server({ key_file_name: key, cert_file_name: cert, fast_abort: true });
    server.post("/echo", async (request, response) => {
      const [a, b] = (await request.json()) as Pair;
      response.json(a + b);
    });
    await server.listen(0, "127.0.0.1");
    return server.port;
  },
  uws: (key, cert) => {
    const app = uWebSockets.SSLApp({ key_file_name: key, cert_file_name: cert });
    app.post("/echo", (response) => {
      let body = Buffer.alloc(0);
      response.onAborted(() => undefined);
      response.onData((chunk, isLast) => {
        body = Buffer.concat([body, Buffer.from(chunk)]);
        if (!isLast) return;
        const [a, b] = JSON.parse(body.toString()) as Pair;
        response.cork(() => response.writeHeader("content-type", "application/json").end(JSON.stringify(a + b)));
      });
    });
    const { us_socket_local_port: portOf } = uWebSockets;
    return new Promise((resolve) => app.listen("127.0.0.1", 0, (socket) => resolve(portOf(socket))));
  },
  "node:https": (key, cert) => {
    const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.once("end", () => {
        const [a, b] = JSON.parse(Buffer.concat(chunks).toString()) as Pair;
        const text = JSON.stringify(a + b);
        response.writeHead(200, { "content-type": "application/json", "content-length": text.length }).end(text);
      });
    });
    return new Promise((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
    });
  },
};

const [, , kind = "", key = "", cert = ""] = process.argv;
console.log(await kinds[kind as EchoKind](key, cert));
