// The frame of every view: navigation, the state of the connection, sign-out.

import type { FunctionComponent } from "preact";
import { lazy, Suspense } from "preact/compat";
import { useEffect } from "preact/hooks";
import { address } from "../data/address.ts";
import { unreadable } from "../data/readable.ts";
import { signOut, token } from "../data/session.ts";
import { events, joins, mesh } from "../data/stores.ts";
import { Outdated, Unreadable } from "../parts/outdated.tsx";
import { ThemeChoice } from "../parts/theme.tsx";
import { text } from "../text.ts";
import { AppPage } from "./app-page.tsx";
import { Functions } from "./functions.tsx";
import { NewApp } from "./new-app.tsx";
import { SignIn, SignInAgain } from "./sign-in.tsx";

const places = [
  { path: "", label: text.shell.functions, starts: ["", "apps", "new"] },
  { path: "mesh", label: text.shell.mesh, starts: ["mesh", "nodes"] },
  { path: "logs", label: text.shell.logs, starts: ["logs"] },
  { path: "audit", label: text.shell.audit, starts: ["audit"] },
];

/** The whole page. */
export function Shell() {
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("main")?.focus()}>
        {text.shell.skip}
      </button>
      <header class="top">
        <a class="brand" href="#/">
          {text.shell.brand}
        </a>
        {token.value !== null && (
          <>
            <Navigation />
            <Connection />
          </>
        )}
        <ThemeChoice />
        {token.value !== null && (
          <button type="button" class="small" onClick={signOut}>
            {text.shell.signOut}
          </button>
        )}
      </header>
      {token.value === null ? (
        <SignIn />
      ) : (
        <main id="main" tabIndex={-1}>
          {unreadable.value !== undefined && <Unreadable detail={unreadable.value} />}
          <View />
          <SignInAgain />
        </main>
      )}
    </>
  );
}

function Navigation() {
  const [first = ""] = address.value;
  const waiting = joins.value.value?.length ?? 0;
  return (
    <nav aria-label={text.shell.navigation}>
      {places.map(({ path, label, starts }) => (
        <a
          key={path}
          class="place"
          href={`#/${path}`}
          {...(starts.includes(first) ? { "aria-current": "page" as const } : {})}
        >
          {label}
          {path === "mesh" && waiting > 0 && <span class="badge">{text.shell.waiting(waiting)}</span>}
        </a>
      ))}
    </nav>
  );
}

/** Whether the page is up to date: the state of the stream of events, and the node's name. */
function Connection() {
  const state = events.value?.state.value ?? "connecting";
  const node = mesh.value.value?.node;
  return (
    <div class={`connection ${state}`} role="status">
      <span class="dot" aria-hidden="true" />
      <span>{text.shell.connection[state]}</span>
      {node !== undefined && <span class="node">{node}</span>}
    </div>
  );
}

/** A view that is loaded when it is first shown. After an update the node has no file of that name any more. */
function later<Props extends object>(load: () => Promise<FunctionComponent<Props>>): FunctionComponent<Props> {
  return lazy(async () => ({ default: await load().catch((): FunctionComponent<Props> => Outdated) }));
}

const views = {
  mesh: later(async () => (await import("./mesh.tsx")).MeshView),
  nodes: later(async () => (await import("./node-page.tsx")).NodePage),
  logs: later(async () => (await import("./logs.tsx")).Logs),
  audit: later(async () => (await import("./audit.tsx")).Audit),
};

function View() {
  const [first = "", second, third, fourth] = address.value;
  useEffect(() => {
    // The element with the focus may have gone with the view before.
    if (document.activeElement === document.body) document.getElementById("main")?.focus({ preventScroll: true });
  }, [first, second, third, fourth]);
  if (first === "") return <Functions />;
  if (first === "new") return <NewApp />;
  if (first === "apps" && second !== undefined) {
    return <AppPage key={second} name={second} tab={third ?? "functions"} callable={fourth} />;
  }
  return (
    <Suspense fallback={<p class="quiet loading">{text.loading}</p>}>
      {first === "mesh" && <views.mesh tab={second ?? "map"} />}
      {first === "nodes" && <views.nodes key={second} name={second ?? ""} />}
      {first === "logs" && <views.logs />}
      {first === "audit" && <views.audit />}
      {!Object.hasOwn(views, first) && (
        <p>
          {text.shell.nowhere} <a href="#/">{text.shell.functions}</a>
        </p>
      )}
    </Suspense>
  );
}
