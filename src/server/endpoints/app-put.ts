// PUT /v1/apps/{app}: source in, a new revision out.

import { HerdError } from "../../core/errors.js";
import type { Endpoint } from "../http/endpoint.js";
import { deployedView } from "../views/app-view.js";
import { readUpload, uploadLimitBytes } from "../views/upload.js";
import type { AppsOptions } from "./apps.js";

/** The endpoint that takes uploads. */
export function appPutEndpoint(options: AppsOptions): Endpoint {
  const { deployer, limits } = options;
  return {
    method: "PUT",
    path: "/v1/apps/:app",
    role: "deploy",
    at: "deployer",
    bodyLimitBytes: uploadLimitBytes(limits),
    async handle(exchange) {
      const app = exchange.parameter("app");
      const isPublic = exchange.flag("public");
      const { headers } = exchange.incoming;
      if (headers["content-encoding"] !== undefined && headers["content-encoding"] !== "identity") {
        throw new HerdError("media.unsupported", "an upload is not compressed");
      }
      const read = readUpload(headers["content-type"], limits);
      const { signal } = exchange;
      const files = await read(await exchange.body(uploadLimitBytes(limits)));
      const by = exchange.claims?.id ?? "";
      const { created, prepared, nodes } = await deployer.deploy({ app, files, by, public: isPublic, signal });
      const { baseUrl } = exchange.incoming;
      exchange.answer(created ? 201 : 200, deployedView(app, prepared, { baseUrl, nodes }));
    },
  };
}
