// A curl line that works when pasted: a function of a deployed app, with arguments that fit it.

import { Examples } from "../../runtime/interface/example.js";
import type { Ready } from "../server/views/startup-summary.js";

/** A command that calls the app `hello` when it exists, else the first app; undefined without a function or a token. */
export function curlLine(ready: Pick<Ready, "apps" | "ca" | "token" | "url">): string | undefined {
  const apps = ready.apps.filter((entry) => entry.interface.functions.length > 0);
  const chosen = apps.find(({ app }) => app === "hello") ?? apps[0];
  const [callable] = chosen?.interface.functions ?? [];
  if (chosen === undefined || callable === undefined || ready.token === undefined) return undefined;
  const body = JSON.stringify(new Examples(chosen.interface).arguments(callable) ?? {});
  return [
    `curl --cacert ${quoted(ready.ca)}`,
    `-H ${quoted(`authorization: Bearer ${ready.token}`)}`,
    `-H ${quoted("content-type: application/json")}`,
    `-d ${quoted(body)}`,
    quoted(`${ready.url}/fn/${chosen.app}/${encodeURIComponent(callable.name)}`),
  ].join(" ");
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return /^[A-Za-z0-9_./:=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
