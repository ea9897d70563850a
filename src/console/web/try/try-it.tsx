// Trying a function: a form for its arguments, one call or many, and their results.

import { useMemo, useState } from "preact/hooks";
import type { App, AppFunction } from "../../../api/apps.ts";
import { linkTo } from "../data/address.ts";
import { CodeBlock } from "../parts/code-block.tsx";
import { msText } from "../parts/format.ts";
import { ProblemBox } from "../parts/problem-box.tsx";
import { signatureOf } from "../parts/signature.ts";
import { text } from "../text.ts";
import { type CallResult, callFunction } from "./calls.ts";
import { argumentOf, type Draft, exampleOf, type FormParameter, parametersOf } from "./field-types.ts";
import { RunMany } from "./run-many.tsx";
import { Snippets } from "./snippets.tsx";
import { ValueField } from "./value-field.tsx";

/** The form's values by parameter; undefined for a parameter that is left out. */
type Values = Readonly<Record<string, Draft | undefined>>;

/** The view of one function. */
export function TryIt({ app, callable }: { readonly app: App; readonly callable: AppFunction }) {
  const parameters = useMemo(() => parametersOf(callable, app.types), [callable, app.types]);
  const [values, setValues] = useState<Values>(() => examples(parameters));
  const [result, setResult] = useState<CallResult>();
  const [busy, setBusy] = useState(false);
  const callee = { app: app.app, function: callable.name };
  const body = argumentsOf(parameters, values);
  const run = async (): Promise<void> => {
    setBusy(true);
    try {
      setResult(await callFunction(callee, { body }));
    } finally {
      setBusy(false);
    }
  };
  return (
    <div class="try">
      <section aria-label={text.tryIt.arguments}>
        <div class="heading">
          <h2>
            <code>{signatureOf(callable)}</code>
          </h2>
          <OtherFunctions app={app} callable={callable} />
        </div>
        {callable.doc !== undefined && <p class="quiet">{callable.doc}</p>}
        <form
          class="stack"
          onSubmit={(event) => {
            event.preventDefault();
            void run();
          }}
        >
          {parameters.map((one) => (
            <ParameterField
              key={one.name}
              parameter={one}
              value={values[one.name]}
              onChange={(changed) => setValues((before) => ({ ...before, [one.name]: changed }))}
            />
          ))}
          {parameters.length === 0 && <p class="quiet">{text.tryIt.noParameters}</p>}
          <div class="actions">
            <button type="submit" class="primary" disabled={busy}>
              {text.tryIt.run}
            </button>
            <button type="button" onClick={() => setValues(examples(parameters))}>
              {text.tryIt.example}
            </button>
          </div>
        </form>
        <Snippets callee={callee} body={JSON.stringify(body)} isPublic={app.public} />
      </section>
      <section aria-label={text.tryIt.result} class="result">
        <h2>{text.tryIt.result}</h2>
        {result === undefined ? <p class="quiet">{text.tryIt.notYet}</p> : <Result result={result} />}
        <RunMany callee={callee} body={body} />
      </section>
    </div>
  );
}

function OtherFunctions({ app, callable }: { readonly app: App; readonly callable: AppFunction }) {
  if (app.functions.length < 2) return null;
  return (
    <select
      aria-label={text.functions.function}
      value={callable.name}
      onChange={(event) => {
        location.hash = linkTo("apps", app.app, "try", event.currentTarget.value);
      }}
    >
      {app.functions.map(({ name }) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}

function ParameterField({
  parameter,
  value,
  onChange,
}: {
  readonly parameter: FormParameter;
  readonly value: Draft | undefined;
  readonly onChange: (value: Draft | undefined) => void;
}) {
  const { name, type, optional, doc, fallback } = parameter;
  if (!optional) return <ValueField label={name} doc={doc} type={type} value={value ?? null} onChange={onChange} />;
  return (
    <div class="option">
      <label class="check">
        <input
          type="checkbox"
          checked={value !== undefined}
          onChange={(event) => onChange(event.currentTarget.checked ? exampleOf(type) : undefined)}
        />
        {text.tryIt.given(name)}
        {value === undefined && <span class="quiet">{text.tryIt.leftOut(fallback)}</span>}
      </label>
      {value !== undefined && <ValueField label={name} doc={doc} type={type} value={value} onChange={onChange} />}
    </div>
  );
}

function Result({ result }: { readonly result: CallResult }) {
  const { problem, text: body } = result;
  return (
    <>
      {problem !== undefined ? (
        <ProblemBox error={problem} />
      ) : (
        <CodeBlock label={text.tryIt.value} value={body === "" ? text.tryIt.void : pretty(body)} />
      )}
      {result.node !== "" && (
        <dl class="facts timing">
          <Fact name={text.tryIt.node} value={result.node} />
          <Fact name={text.tryIt.hops} value={String(result.hops)} />
          {result.queueMs !== null && <Fact name={text.tryIt.queue} value={msText(result.queueMs)} />}
          {result.runMs !== null && <Fact name={text.tryIt.ran} value={msText(result.runMs)} />}
          {result.hopMs !== null && <Fact name={text.tryIt.hop} value={msText(result.hopMs)} />}
          <Fact name={text.tryIt.total} value={msText(result.totalMs)} />
          <Fact name={text.tryIt.invocation} value={result.invocation} />
        </dl>
      )}
    </>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function examples(parameters: readonly FormParameter[]): Values {
  return Object.fromEntries(parameters.map((one) => [one.name, one.optional ? undefined : exampleOf(one.type)]));
}

function argumentsOf(parameters: readonly FormParameter[], values: Values): Record<string, unknown> {
  return Object.fromEntries(
    parameters.flatMap(({ name, type }) => {
      const value = values[name];
      return value === undefined ? [] : [[name, argumentOf(type, value)]];
    }),
  );
}

function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
