// GET /v1/apps/{app}/openapi.json, component.wasm, interface.wit, source: what tools read of an app.

import { interfaceWit } from "../../../runtime/interface/wit.js";
import type { Endpoint } from "../http/endpoint.js";
import { openApi } from "../views/openapi.js";
import { type AppsOptions, interfaceOf, knownApp } from "./apps.js";

/** The artifacts of an app's current revision; the source also of one before, by `?revision=`. */
export function artifactEndpoints(options: AppsOptions): Endpoint[] {
  const { catalog } = options;
  return [
    {
      method: "GET",
      path: "/v1/apps/:app/openapi.json",
      role: "invoke",
      async handle(exchange) {
        const record = knownApp(exchange.parameter("app"), catalog);
        exchange.answer(200, openApi(record, await interfaceOf(record, options), exchange.incoming.baseUrl));
      },
    },
    {
      method: "GET",
      path: "/v1/apps/:app/component.wasm",
      role: "invoke",
      async handle(exchange) {
        const { revision } = knownApp(exchange.parameter("app"), catalog);
        const body = Buffer.from(await catalog.component(revision));
        exchange.outgoing.header("herd-revision", revision);
        exchange.send(200, { type: "application/wasm", body });
      },
    },
    {
      method: "GET",
      path: "/v1/apps/:app/interface.wit",
      role: "invoke",
      async handle(exchange) {
        const record = knownApp(exchange.parameter("app"), catalog);
        const body = interfaceWit(await interfaceOf(record, options));
        exchange.send(200, { type: "text/plain; charset=utf-8", body });
      },
    },
    {
      method: "GET",
      path: "/v1/apps/:app/source",
      role: "invoke",
      async handle(exchange) {
        const { app, revision: current } = knownApp(exchange.parameter("app"), catalog);
        const revision = exchange.query("revision") ?? current;
        // As it is stored: a large source is not made values and text again on this thread.
        const [head, files] = [JSON.stringify({ app, revision }), await catalog.sourceText(app, revision)];
        const body = Buffer.concat([Buffer.from(`${head.slice(0, -1)},"files":`), files, Buffer.from("}")]);
        exchange.send(200, { type: "application/json", body });
      },
    },
  ];
}
