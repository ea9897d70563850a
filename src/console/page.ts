// The web page of this version: signs in with the code in its address, then lists apps, functions and endpoints.

import { createHash } from "node:crypto";

const style = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1c1c1c; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.05rem; margin: 1.5rem 0 .25rem; }
code { font: 13px ui-monospace, monospace; word-break: break-all; }
li { margin: .25rem 0; } .quiet { color: #555; }
@media (prefers-color-scheme: dark) { body { background: #161616; color: #e6e6e6; } .quiet { color: #aaa; } }
`;

const script = `
"use strict";
const key = "herd-token";
const status = document.getElementById("status");
const apps = document.getElementById("apps");

function element(name, text, parent) {
  const made = document.createElement(name);
  made.textContent = text;
  parent.append(made);
  return made;
}

async function ask(path, options) {
  const answer = await fetch(path, options);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.code + ": " + body.detail);
  return body;
}

async function signIn() {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code === null) return;
  // The code works once: it must not stay in the history.
  history.replaceState(null, "", location.pathname);
  const headers = { "content-type": "application/json" };
  const answer = await ask("/v1/sign-in", { method: "POST", headers, body: JSON.stringify({ code }) });
  sessionStorage.setItem(key, answer.token);
}

function show(list) {
  apps.replaceChildren();
  for (const app of list) {
    element("h2", app.app, apps);
    element("div", "revision " + app.revision + (app.public ? ", public" : ", needs a token"), apps).className = "quiet";
    const functions = element("ul", "", apps);
    for (const entry of app.functions) {
      const item = element("li", "", functions);
      element("code", entry.name + "(" + entry.parameters.map((one) => one.name).join(", ") + ")", item);
      element("div", "", item).append(element("code", "POST " + entry.url, item));
      if (entry.doc) element("div", entry.doc, item).className = "quiet";
    }
  }
}

async function main() {
  try {
    await signIn();
    const token = sessionStorage.getItem(key);
    if (token === null) {
      status.textContent = "Not signed in: open the link that herd up printed.";
      return;
    }
    const list = await ask("/v1/apps", { headers: { authorization: "Bearer " + token } });
    status.textContent = list.length === 0 ? "No apps yet: herd deploy PATH" : "Apps of this node";
    show(list);
  } catch (error) {
    status.textContent = error.message;
  }
}

addEventListener("hashchange", main);
main();
`;

const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Wasmherd</title>
<style>${style}</style>
</head>
<body>
<h1>Wasmherd</h1>
<p id="status" role="status">Loading…</p>
<main id="apps"></main>
<noscript>This page needs JavaScript.</noscript>
<script>${script}</script>
</body>
</html>
`;

/** The page with the hashes of its inline script and style, for its content security policy. */
export function consolePage(): { readonly html: string; readonly scriptHash: string; readonly styleHash: string } {
  return { html, scriptHash: hashOf(script), styleHash: hashOf(style) };
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
