// PUT /v1/apps/{app}: deploys uploaded source as a new revision.

import { deployApp } from "../../api/apps.js";
import { HerdError } from "../../core/errors.js";
import { created, type Endpoint, endpoint, ok } from "../http/endpoint.js";
import { deployedView } from "../views/app-view.js";
import type { AppsOptions } from "./apps.js";
import { readUpload, uploadLimitBytes } from "./upload-body.js";

/** The endpoint that takes uploads. */
export function appPutEndpoint({ deployer, limits }: AppsOptions): Endpoint {
  const bodyLimitBytes = uploadLimitBytes(limits);
  return endpoint(deployApp, {
    bodyLimitBytes,
    async handle({ parameters: { app }, query, by, http }) {
      const { headers, signal, baseUrl } = http;
      if (headers["content-encoding"] !== undefined && headers["content-encoding"] !== "identity") {
        throw new HerdError("media.unsupported", "an upload is not compressed");
      }
      const read = readUpload(headers["content-type"], limits);
      const files = await read(await http.body(bodyLimitBytes));
      const {
        created: isNew,
        prepared,
        nodes,
      } = await deployer.deploy({ app, files, by, public: query.public, signal });
      const view = deployedView(app, prepared, { baseUrl, nodes });
      return isNew ? created(view) : ok(view);
    },
  });
}
