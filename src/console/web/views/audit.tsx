// The audit log: what was done in the mesh, by whom, and whether it is proved.

import { useEffect, useState } from "preact/hooks";
import { ask } from "../data/api.ts";
import type { AuditRecord, AuditVerdict } from "../data/shapes.ts";
import { joins, nodes } from "../data/stores.ts";
import { momentText } from "../parts/format.ts";
import { ProblemBox } from "../parts/problem-box.tsx";
import { text } from "../text.ts";

/** The newest are read; the whole log is proved. */
const limit = 500;

/** The view. */
export function Audit() {
  const [records, setRecords] = useState<readonly AuditRecord[]>();
  const [problem, setProblem] = useState<unknown>();
  const [event, setEvent] = useState("");
  const [known, waiting] = [nodes.value.value, joins.value.value];
  // What happened to nodes and requests stands in the log.
  useEffect(() => {
    ask<readonly AuditRecord[]>(`/v1/audit?limit=${limit}`).then((read) => setRecords([...read].reverse()), setProblem);
  }, [known, waiting]);
  const kinds = [...new Set(records?.map((one) => one.event))].sort();
  const shown = records?.filter((one) => event === "" || one.event === event) ?? [];
  return (
    <>
      <div class="heading">
        <h1>{text.audit.title}</h1>
        <label>
          {text.audit.event}{" "}
          <select value={event} onChange={(change) => setEvent(change.currentTarget.value)}>
            <option value="">{text.logs.any}</option>
            {kinds.map((kind) => (
              <option key={kind} value={kind}>
                {kind}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Proof />
      {problem !== undefined && <ProblemBox error={problem} />}
      {records === undefined && problem === undefined && <p class="quiet loading">{text.loading}</p>}
      {records !== undefined && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard.
        <section class="scroll" aria-label={text.audit.records} tabIndex={0}>
          <table>
            <thead>
              <tr>
                {[text.audit.at, text.audit.event, text.audit.subject, text.audit.by, text.audit.node].map((name) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.map((one) => (
                <tr key={`${one.master} ${one.seq}`}>
                  <td class="time">{momentText(one.at)}</td>
                  <td>{one.event}</td>
                  <td>
                    <code>{one.subject}</code>
                    {one.detail !== undefined && <div class="quiet">{one.detail}</div>}
                  </td>
                  <td>
                    <code>{one.by}</code>
                  </td>
                  <td>{one.node}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {shown.length === 0 && <p class="empty">{text.audit.none}</p>}
        </section>
      )}
      <p class="quiet">{text.audit.bound(limit)}</p>
    </>
  );
}

/** Whether the log is what its masters signed: as a master finds it, which is no proof against that master. */
function Proof() {
  const [verdict, setVerdict] = useState<AuditVerdict>();
  const [problem, setProblem] = useState<unknown>();
  const check = (): void => {
    setVerdict(undefined);
    setProblem(undefined);
    ask<AuditVerdict>("/v1/audit?verify=true").then(setVerdict, setProblem);
  };
  useEffect(check, []);
  if (problem !== undefined) return <ProblemBox error={problem} />;
  return (
    <div class={verdict?.ok === false ? "problem" : "card padded proof"} role="status">
      <div class="row">
        {verdict === undefined && text.audit.checking}
        {verdict?.ok === true && <span class="good">{text.audit.proved(verdict.records)}</span>}
        {verdict?.ok === false && <strong>{text.audit.notProved(verdict.problems.length)}</strong>}
        <button type="button" class="small" disabled={verdict === undefined} onClick={check}>
          {text.audit.again}
        </button>
      </div>
      {verdict?.ok === false && (
        <ul>
          {verdict.problems.map((one) => (
            <li key={one}>{one}</li>
          ))}
        </ul>
      )}
      <p class="quiet">
        {text.audit.offline} <code>npx herd audit verify</code>
      </p>
    </div>
  );
}
