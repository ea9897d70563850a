// Requests to join without a token: a person compares the codes that both sides show, and decides.

import { useState } from "preact/hooks";
import { approveJoin, type PendingJoin, rejectJoin } from "../../../api/joins.ts";
import { call } from "../data/requests.ts";
import { joins, nodes } from "../data/stores.ts";
import { Confirm } from "../parts/dialog.tsx";
import { momentText } from "../parts/format.ts";
import { text } from "../text.ts";

interface Decision {
  readonly request: PendingJoin;
  readonly verb: "approve" | "reject";
}

/** The requests that wait, if any. */
export function JoinRequests() {
  const waiting = joins.value.value ?? [];
  const [decision, setDecision] = useState<Decision>();
  const [deploy, setDeploy] = useState(true);
  return (
    <div class="joining" aria-live="polite">
      {waiting.length > 0 && (
        <section class="card joins" aria-label={text.joins.title}>
          <h2>{text.joins.title}</h2>
          {waiting.map((request) => (
            <div key={request.id} class="join">
              <Facts request={request} />
              <div class="actions">
                <button
                  type="button"
                  class="primary"
                  aria-label={text.joins.approveOne(request.name)}
                  onClick={() => setDecision({ request, verb: "approve" })}
                >
                  {text.joins.approve}
                </button>
                <button
                  type="button"
                  aria-label={text.joins.rejectOne(request.name)}
                  onClick={() => setDecision({ request, verb: "reject" })}
                >
                  {text.joins.reject}
                </button>
              </div>
            </div>
          ))}
        </section>
      )}
      {decision !== undefined && (
        <Confirm
          title={text.joins[decision.verb === "approve" ? "approveOne" : "rejectOne"](decision.request.name)}
          detail={text.joins[decision.verb === "approve" ? "approveDetail" : "rejectDetail"]}
          verb={text.joins[decision.verb]}
          act={async () => {
            const { request, verb } = decision;
            const parameters = { id: request.id };
            const hosts = [...request.hosts];
            if (verb === "approve") await call(approveJoin, { parameters, body: { deploy, hosts } });
            else await call(rejectJoin, { parameters });
            await Promise.all([joins.refresh(), nodes.refresh()]);
          }}
          onClose={() => setDecision(undefined)}
        >
          <Facts request={decision.request} />
          {decision.verb === "approve" && (
            <label class="check">
              <input type="checkbox" checked={deploy} onChange={(event) => setDeploy(event.currentTarget.checked)} />
              {text.joins.mayDeploy}
            </label>
          )}
        </Confirm>
      )}
    </div>
  );
}

function Facts({ request }: { readonly request: PendingJoin }) {
  const { name, code, fingerprint, address, hosts, since } = request;
  return (
    <dl class="pairs">
      <dt>{text.joins.name}</dt>
      <dd>
        <strong>{name}</strong>
      </dd>
      <dt>{text.joins.code}</dt>
      <dd>
        <code class="join-code">{code}</code>
      </dd>
      <dt>{text.joins.fingerprint}</dt>
      <dd>
        <code>{fingerprint}</code>
      </dd>
      <dt>{text.joins.from}</dt>
      <dd>
        <code>{address}</code>
      </dd>
      {hosts.length > 0 && (
        <>
          <dt>{text.joins.hosts}</dt>
          <dd>
            <code>{hosts.join(", ")}</code>
          </dd>
        </>
      )}
      <dt>{text.joins.since}</dt>
      <dd>{momentText(since)}</dd>
    </dl>
  );
}
