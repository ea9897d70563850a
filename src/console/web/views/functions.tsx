// Every app with its functions and the stats of their calls.

import type { AppFunction, CallStats, ListedApp } from "../../../api/apps.ts";
import { linkTo } from "../data/address.ts";
import { apps, callStats } from "../data/stores.ts";
import { countText, msText, rateText } from "../parts/format.ts";
import { ProblemBox } from "../parts/problem-box.tsx";
import { signatureOf } from "../parts/signature.ts";
import { text } from "../text.ts";

/** The view. */
export function Functions() {
  const list = apps.value.value;
  const problem = apps.problem.value;
  return (
    <>
      <div class="heading">
        <h1>{text.functions.title}</h1>
        <a class="button primary" href="#/new">
          {text.functions.add}
        </a>
      </div>
      {problem !== undefined && <ProblemBox error={problem} />}
      {list === undefined && problem === undefined && <p class="quiet loading">{text.loading}</p>}
      {list !== undefined && list.length === 0 && (
        <div class="empty">
          <p>{text.functions.none}</p>
          <p>
            <a href="#/new">{text.functions.writeOne}</a> {text.functions.orDeploy} <code>npx herd deploy PATH</code>
          </p>
        </div>
      )}
      {list?.map((app) => (
        <AppCard key={app.app} app={app} />
      ))}
    </>
  );
}

function AppCard({ app }: { readonly app: ListedApp }) {
  return (
    <section class="card" aria-labelledby={`app-${app.app}`}>
      <div class="heading">
        <h2 id={`app-${app.app}`}>
          <a href={linkTo("apps", app.app)}>{app.app}</a>
        </h2>
        <AppFacts app={app} />
      </div>
      {app.unlisted === undefined ? <FunctionTable app={app} /> : <p>{app.unlisted.detail}</p>}
    </section>
  );
}

/** The revision, whether calls need a token, and the nodes that can run it. */
export function AppFacts({ app }: { readonly app: ListedApp }) {
  return (
    <ul class="facts">
      <li>
        {text.functions.revision} <code>{app.revision}</code>
      </li>
      <li>{app.public ? text.functions.public : text.functions.private}</li>
      <li>{text.functions.nodes(app.nodes)}</li>
    </ul>
  );
}

/** The functions of an app, each with the stats of its calls. */
export function FunctionTable({ app }: { readonly app: ListedApp }) {
  const stats = callStats.value[app.app] ?? {};
  return (
    <div class="scroll">
      <table class="functions">
        <thead>
          <tr>
            <th scope="col">{text.functions.function}</th>
            <th scope="col" class="number">
              {text.functions.perSecond}
            </th>
            <th scope="col" class="number">
              p50
            </th>
            <th scope="col" class="number">
              p99
            </th>
            <th scope="col" class="number">
              {text.functions.errors}
            </th>
            <th scope="col">
              <span class="unseen">{text.functions.tryIt}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {app.functions.map((one) => (
            <Row key={one.name} app={app.app} one={one} calls={stats[one.name] ?? one.lastMinute} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({
  app,
  one,
  calls,
}: {
  readonly app: string;
  readonly one: AppFunction;
  readonly calls: CallStats | undefined;
}) {
  return (
    <tr>
      <th scope="row">
        <code>{signatureOf(one)}</code>
        {one.doc !== undefined && <div class="quiet doc">{one.doc}</div>}
      </th>
      <td class="number">{rateText(calls?.perSecond)}</td>
      <td class="number">{msText(calls?.p50Ms)}</td>
      <td class="number">{msText(calls?.p99Ms)}</td>
      <td class={calls !== undefined && calls.errors > 0 ? "number bad" : "number"}>{countText(calls?.errors)}</td>
      <td class="actions">
        <a
          class="button small"
          href={linkTo("apps", app, "try", one.name)}
          aria-label={text.functions.tryOne(one.name)}
        >
          {text.functions.tryIt}
        </a>
      </td>
    </tr>
  );
}
