// The audit log: the acts in the mesh, their actors, and whether a master can prove the log.

import { useEffect, useState } from "preact/hooks";
import { type AuditRecord, type AuditVerdict, audit, auditRecords, auditVerdict } from "../../../api/audit.ts";
import { narrowed } from "../../../api/route.ts";
import { call } from "../data/requests.ts";
import { joins, nodes } from "../data/stores.ts";
import { momentText } from "../parts/format.ts";
import { ProblemBox } from "../parts/problem-box.tsx";
import { text } from "../text.ts";

/** Records that are shown, the newest. The proof is of the whole log. */
const limit = 500;

/** The view. */
export function Audit() {
  const [records, setRecords] = useState<readonly AuditRecord[]>();
  const [problem, setProblem] = useState<unknown>();
  const [event, setEvent] = useState("");
  const [known, waiting] = [nodes.value.value, joins.value.value];
  // A change of a node or of a request to join is a record of the log.
  useEffect(() => {
    const query = { limit: String(limit) };
    call(narrowed(audit, auditRecords), { query }).then((read) => setRecords([...read].reverse()), setProblem);
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
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls has to be reached by keyboard.
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
                    {one.detail !== "" && <div class="quiet">{one.detail}</div>}
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

/** A master's verdict on whether the log holds all records that masters signed: no proof against that master itself. */
function Proof() {
  const [verdict, setVerdict] = useState<AuditVerdict>();
  const [problem, setProblem] = useState<unknown>();
  const check = (): void => {
    setVerdict(undefined);
    setProblem(undefined);
    call(narrowed(audit, auditVerdict), { query: { verify: "true" } }).then(setVerdict, setProblem);
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
