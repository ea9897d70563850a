// GET /v1/apps/{app}/openapi.json, component.wasm, interface.wit, source: the artifacts of an app, for tools.

import { interfaceWit } from "../../../runtime/interface/wit.js";
import * as api from "../../api/apps.js";
import { type Endpoint, endpoint, ok } from "../http/endpoint.js";
import { Content, JsonText } from "../http/http-answer.js";
import { openApi } from "../views/app-openapi.js";
import { type AppsOptions, interfaceOf, knownApp } from "./apps.js";

/** The artifacts of an app's current revision; with `?revision=` also the source of an earlier revision. */
export function artifactEndpoints(options: AppsOptions): Endpoint[] {
  const { catalog } = options;
  return [
    endpoint(api.appOpenApi, {
      async handle({ parameters, http }) {
        const record = knownApp(parameters.app, catalog);
        return ok(openApi(record, await interfaceOf(record, options), http.baseUrl));
      },
    }),
    endpoint(api.appComponent, {
      async handle({ parameters }) {
        const { revision } = knownApp(parameters.app, catalog);
        const component = Buffer.from(await catalog.component(revision));
        return ok(new Content("application/wasm", component), { "herd-revision": revision });
      },
    }),
    endpoint(api.appWit, {
      async handle({ parameters }) {
        const record = knownApp(parameters.app, catalog);
        return ok(new Content("text/plain; charset=utf-8", interfaceWit(await interfaceOf(record, options))));
      },
    }),
    endpoint(api.appSource, {
      async handle({ parameters, query }) {
        const { app, revision: current } = knownApp(parameters.app, catalog);
        const revision = query.revision ?? current;
        // The stored text is sent unparsed: to parse and write a large source again would hold up this thread.
        const [head, files] = [JSON.stringify({ app, revision }), await catalog.sourceText(app, revision)];
        return ok(new JsonText(Buffer.concat([Buffer.from(`${head.slice(0, -1)},"files":`), files, Buffer.from("}")])));
      },
    }),
  ];
}
