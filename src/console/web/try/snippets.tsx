// The call as text for other programs: curl, fetch, and the app's OpenAPI document.

import { useState } from "preact/hooks";
import { appOpenApi } from "../../../api/apps.ts";
import { invoke } from "../../../api/calls.ts";
import { pathOf } from "../../../api/route.ts";
import { ProblemError } from "../data/problem.ts";
import { call } from "../data/requests.ts";
import { token } from "../data/session.ts";
import { CodeBlock } from "../parts/code-block.tsx";
import { CopyButton } from "../parts/copy-button.tsx";
import { ProblemBox } from "../parts/problem-box.tsx";
import { text } from "../text.ts";
import type { Callee } from "./calls.ts";

const kinds = ["curl", "fetch"] as const;

/** The call with these arguments (JSON text), to copy. */
export function Snippets({
  callee,
  body,
  isPublic,
}: {
  readonly callee: Callee;
  readonly body: string;
  readonly isPublic: boolean;
}) {
  const [withToken, setWithToken] = useState(false);
  const bearer = isPublic ? undefined : withToken ? (token.value ?? "") : undefined;
  const url = location.origin + pathOf(invoke.path, callee);
  const request = { url, body, bearer, isPublic };
  const snippets = { curl: curlText(request), fetch: fetchText(request) };
  return (
    <details class="snippets">
      <summary>{text.tryIt.elsewhere}</summary>
      {!isPublic && (
        <label class="check">
          <input type="checkbox" checked={withToken} onChange={(event) => setWithToken(event.currentTarget.checked)} />
          {text.tryIt.withToken}
        </label>
      )}
      {kinds.map((kind) => (
        <div key={kind} class="snippet">
          <div class="heading">
            <h3>{kind}</h3>
            <CopyButton value={snippets[kind]} what={kind} />
          </div>
          <CodeBlock label={kind} value={snippets[kind]} />
        </div>
      ))}
      <OpenApi app={callee.app} />
    </details>
  );
}

/** The app's OpenAPI document. A plain link would not work: the request needs the token. */
function OpenApi({ app }: { readonly app: string }) {
  const [problem, setProblem] = useState<ProblemError>();
  const [document, setDocument] = useState<string>();
  const read = async (): Promise<void> => {
    setProblem(undefined);
    try {
      setDocument(JSON.stringify(await call(appOpenApi, { parameters: { app } }), null, 2));
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      setProblem(error);
    }
  };
  return (
    <div class="snippet">
      <div class="heading">
        <h3>OpenAPI</h3>
        <code class="quiet">{pathOf(appOpenApi.path, { app })}</code>
        {document === undefined ? (
          <button type="button" class="small" onClick={() => void read()}>
            {text.tryIt.showOpenApi}
          </button>
        ) : (
          <CopyButton value={document} what="OpenAPI" />
        )}
      </div>
      {problem !== undefined && <ProblemBox error={problem} />}
      {document !== undefined && <CodeBlock label="OpenAPI" value={document} />}
    </div>
  );
}

/** A call as text shows it; without `bearer` a placeholder stands for the token. */
interface SnippetCall {
  readonly url: string;
  readonly body: string;
  readonly bearer: string | undefined;
  readonly isPublic: boolean;
}

function curlText({ url, body, bearer, isPublic }: SnippetCall): string {
  const authorization =
    bearer === undefined ? '"authorization: Bearer $HERD_TOKEN"' : quoted(`authorization: Bearer ${bearer}`);
  const lines = [
    // Only the root of this mesh vouches for its nodes. The node serves it at /ca.pem and keeps it in its state folder.
    "curl --cacert .herd/ca.pem",
    ...(isPublic ? [] : [`-H ${authorization}`]),
    `-H ${quoted("content-type: application/json")}`,
    `-d ${quoted(body)}`,
    quoted(url),
  ];
  return lines.join(" \\\n  ");
}

function fetchText({ url, body, bearer, isPublic }: SnippetCall): string {
  const authorization = bearer === undefined ? '"Bearer " + token' : JSON.stringify(`Bearer ${bearer}`);
  return [
    `const answer = await fetch(${JSON.stringify(url)}, {`,
    '  method: "POST",',
    "  headers: {",
    ...(isPublic ? [] : [`    authorization: ${authorization},`]),
    '    "content-type": "application/json",',
    "  },",
    `  body: JSON.stringify(${body}),`,
    "});",
    "console.log(answer.status, await answer.text());",
  ].join("\n");
}

/** Quotes text for a POSIX shell. */
function quoted(words: string): string {
  return /^[A-Za-z0-9_./:=-]+$/.test(words) ? words : `'${words.replaceAll("'", "'\\''")}'`;
}
