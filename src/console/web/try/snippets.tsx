// The same call for elsewhere: curl, fetch, and the app's OpenAPI document.

import { useState } from "preact/hooks";
import { open, Problem, pathOf } from "../data/api.ts";
import { token } from "../data/session.ts";
import { CodeBlock } from "../parts/code-block.tsx";
import { CopyButton } from "../parts/copy-button.tsx";
import { ProblemBox } from "../parts/problem-box.tsx";
import { text } from "../text.ts";

const kinds = ["curl", "fetch"] as const;

/** The call with these arguments (JSON text), to copy. */
export function Snippets({
  app,
  path,
  body,
  isPublic,
}: {
  readonly app: string;
  readonly path: string;
  readonly body: string;
  readonly isPublic: boolean;
}) {
  const [withToken, setWithToken] = useState(false);
  const bearer = isPublic ? undefined : withToken ? (token.value ?? "") : undefined;
  const call = { url: `${location.origin}${path}`, body, bearer, isPublic };
  const snippets = { curl: curlText(call), fetch: fetchText(call) };
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
      <OpenApi app={app} />
    </details>
  );
}

/** It needs the token, so that a plain link would not do. */
function OpenApi({ app }: { readonly app: string }) {
  const [problem, setProblem] = useState<Problem>();
  const [document, setDocument] = useState<string>();
  const path = pathOf("v1", "apps", app, "openapi.json");
  const read = async (): Promise<void> => {
    setProblem(undefined);
    try {
      setDocument(JSON.stringify(await (await open(path)).json(), null, 2));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
    }
  };
  return (
    <div class="snippet">
      <div class="heading">
        <h3>OpenAPI</h3>
        <code class="quiet">{path}</code>
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
    // Only the root of this mesh vouches for its nodes; the file is served at /ca.pem and lies in the state folder.
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

/** For a POSIX shell. */
function quoted(words: string): string {
  return /^[A-Za-z0-9_./:=-]+$/.test(words) ? words : `'${words.replaceAll("'", "'\\''")}'`;
}
