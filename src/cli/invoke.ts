// `herd invoke`: one call, its result on stdout.

import { buffer } from "node:stream/consumers";
import { connect, type GlobalOptions } from "../client/client-options.js";
import { readTextFile } from "../core/text-file.js";
import { UsageError } from "../core/usage-error.js";
import { utf8Text } from "../core/utf8.js";
import { printLine, printNotice } from "./print.js";

/**
 * A function to call. `json` is JSON text, `-` for stdin, `@FILE` for a file's content, or undefined for no
 * arguments.
 */
export interface InvokeTarget {
  readonly app: string;
  readonly function: string;
  readonly json: string | undefined;
}

/** The arguments of an {@link InvokeTarget}. Throws `UsageError` for text that cannot be read or is no UTF-8. */
export async function argumentText(json: string | undefined): Promise<string | undefined> {
  if (json?.startsWith("@")) return readTextFile(json.slice(1));
  if (json !== "-") return json;
  return utf8Text(await buffer(process.stdin), ({ detail }) => new UsageError(`the text on stdin ${detail}`));
}

/** Calls a function and prints its result with the digits that the node sent. */
export async function invoke(target: InvokeTarget, options: GlobalOptions & { nodeInfo?: boolean }): Promise<void> {
  const client = await connect(options);
  const body = await argumentText(target.json);
  const path = `/fn/${encodeURIComponent(target.app)}/${encodeURIComponent(target.function)}`;
  const reply = await client.send(path, {
    method: "POST",
    ...(body === undefined ? {} : { body, headers: { "content-type": "application/json" } }),
  });
  const { headers } = reply;
  if (options.nodeInfo && !options.json) {
    printNotice(
      `node ${headers["herd-node"]}, hops ${headers["herd-hops"]}, revision ${headers["herd-revision"]}, ` +
        `invocation ${headers["herd-invocation"]}, ${headers["server-timing"]}`,
    );
  }
  // The result is never parsed here, so that numbers keep the digits of the function.
  const result = reply.status === 204 ? "null" : reply.text;
  if (options.nodeInfo && options.json) {
    const info = {
      node: headers["herd-node"],
      hops: Number(headers["herd-hops"]),
      revision: headers["herd-revision"],
      invocation: headers["herd-invocation"],
      timing: headers["server-timing"],
    };
    printLine(`{"result":${result},${JSON.stringify(info).slice(1)}`);
  } else if (reply.status !== 204 || options.json) {
    printLine(result);
  }
}
