// One node: its capacity, load, owner's policy and certificates; drain, resume, revoke.

import { useEffect, useState } from "preact/hooks";
import { drainNode, type ListedNode, type NodeDetails, resumeNode, revokeNode, showNode } from "../../../api/nodes.ts";
import { call } from "../data/requests.ts";
import { mesh, nodes } from "../data/stores.ts";
import { Confirm } from "../parts/dialog.tsx";
import { countText, momentText, msText } from "../parts/format.ts";
import { ProblemBox } from "../parts/problem-box.tsx";
import { StateText } from "../parts/state-text.tsx";
import { text } from "../text.ts";

/** The view of a node by its name. */
export function NodePage({ name }: { readonly name: string }) {
  const list = nodes.value.value;
  const node = list?.find((one) => one.name === name);
  const [problem, setProblem] = useState<unknown>();
  const [revoking, setRevoking] = useState(false);
  const [busy, setBusy] = useState(false);
  if (list === undefined) {
    const failed = nodes.problem.value;
    return failed === undefined ? <p class="quiet loading">{text.loading}</p> : <ProblemBox error={failed} />;
  }
  if (node === undefined) return <p class="empty">{text.node.unknown(name)}</p>;
  const live = mesh.value.value?.peers.find((peer) => peer.name === name);
  const state = node.revoked ? "revoked" : (live?.state ?? node.state);
  const act = async (route: typeof drainNode | typeof resumeNode): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    try {
      await call(route, { parameters: { node: name } });
      await Promise.all([nodes.refresh(), mesh.refresh()]);
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  const gone = node.revoked || state === "dead" || state === "left";
  return (
    <>
      <div class="heading">
        <h1>{name}</h1>
        <StateText state={state} />
        <ul class="facts">
          {node.master && <li>{text.mesh.master}</li>}
          {node.deploy && <li>{text.node.deploys}</li>}
        </ul>
        {!node.revoked && (
          <div class="actions push">
            {state === "draining" || state === "asleep" ? (
              <button type="button" class="small" disabled={busy || gone} onClick={() => void act(resumeNode)}>
                {text.node.resume}
              </button>
            ) : (
              <button type="button" class="small" disabled={busy || gone} onClick={() => void act(drainNode)}>
                {text.node.drain}
              </button>
            )}
            <button type="button" class="small danger" onClick={() => setRevoking(true)}>
              {text.node.revoke}
            </button>
          </div>
        )}
      </div>
      {problem !== undefined && <ProblemBox error={problem} />}
      <div class="columns">
        <Identity node={node} />
        <Load name={name} />
        <CapacityCard capacity={node.capacity} />
        {gone ? <p class="quiet">{text.node.away}</p> : <Details name={name} />}
      </div>
      {revoking && <Revoke node={node} onClose={() => setRevoking(false)} />}
    </>
  );
}

function Identity({ node }: { readonly node: ListedNode }) {
  return (
    <Card title={text.node.identity}>
      <Pair name={text.node.id} code={node.id} />
      <Pair name={text.node.fingerprint} code={node.fingerprint} />
      <Pair name={text.node.letIn} value={`${node.parent ?? text.node.itself}, ${momentText(node.at)}`} />
      <Pair name={text.node.approvedBy} value={node.approvedBy} />
      {node.url !== null && <Pair name={text.node.url} code={node.url} />}
      {node.address !== null && <Pair name={text.node.peerAddress} code={node.address} />}
      {node.container !== null && <Pair name={text.node.container} value={node.container ? text.yes : text.no} />}
    </Card>
  );
}

function Load({ name }: { readonly name: string }) {
  const body = mesh.value.value;
  const peer = body?.peers.find((one) => one.name === name);
  const stats = body?.node === name ? body.here : peer;
  if (stats === undefined || stats.slots === null) return null;
  return (
    <Card title={text.node.load}>
      <Pair name={text.node.slots} value={text.mesh.loadOf(stats.running ?? 0, stats.slots, stats.queued ?? 0)} />
      <Pair name={text.node.owner} value={stats.owner ?? "–"} />
      <Pair name={text.node.loop} value={msText(stats.loopDelayMs)} />
      <Pair name={text.mesh.weight} value={countText(Math.round(stats.weight))} />
      <Pair name={text.node.pace} value={stats.pace === null ? "–" : `${Math.round(stats.pace * 100)} %`} />
      {peer !== undefined && <Pair name={text.mesh.rtt} value={msText(peer.rttMs)} />}
      {peer !== undefined && <Pair name={text.node.forwarded} value={countText(peer.forwarded)} />}
    </Card>
  );
}

function CapacityCard({ capacity }: Pick<ListedNode, "capacity">) {
  if (capacity === null || capacity === undefined) {
    return (
      <section class="card padded">
        <h2>{text.node.capacity}</h2>
        <p class="quiet">{text.node.unmeasured}</p>
      </section>
    );
  }
  const kernels = Object.entries(capacity.kernels);
  const most = Math.max(1, ...kernels.map(([, units]) => units));
  return (
    <section class="card padded">
      <h2>{text.node.capacity}</h2>
      <p class="quiet">{text.node.units(Math.round(capacity.overall), capacity.workers)}</p>
      <ul class="shares">
        {kernels.map(([kernel, units]) => (
          <li key={kernel}>
            <span class="name">{kernel}</span>
            <span class="bar">
              <span style={{ width: `${(100 * units) / most}%` }} />
            </span>
            <span class="number">{countText(Math.round(units))}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Details({ name }: { readonly name: string }) {
  const [details, setDetails] = useState<NodeDetails>();
  const [problem, setProblem] = useState<unknown>();
  useEffect(() => {
    call(showNode, { parameters: { node: name } }).then(setDetails, setProblem);
  }, [name]);
  if (problem !== undefined) return <ProblemBox error={problem} />;
  if (details === undefined) return <p class="quiet">{text.loading}</p>;
  const { policy, certificates } = details;
  return (
    <>
      <Card title={text.node.about}>
        <Pair name={text.node.version} value={details.version} />
        <Pair name={text.node.runtime} value={`${details.runtime}, ${details.platform}`} />
        <Pair name={text.node.started} value={momentText(details.startedAt)} />
        <Pair name={text.node.peerCertificate} value={text.node.until(momentText(certificates.peer.notAfter))} />
        <Pair name={text.node.publicCertificate} value={text.node.until(momentText(certificates.public.notAfter))} />
      </Card>
      <Card title={text.node.policy}>
        <Pair name={text.mesh.state} value={policy.state} />
        <Pair name={text.node.allowed} value={String(policy.slots)} />
        {policy.pausedUntil !== null && <Pair name={text.node.paused} value={policy.pausedUntil} />}
        {Object.entries(policy.settings).map(([setting, value]) => (
          <Pair key={setting} name={setting} code={typeof value === "string" ? value : JSON.stringify(value)} />
        ))}
      </Card>
    </>
  );
}

function Revoke({ node, onClose }: { readonly node: ListedNode; readonly onClose: () => void }) {
  const [subtree, setSubtree] = useState(false);
  return (
    <Confirm
      title={text.node.revokeTitle(node.name)}
      detail={text.node.revokeDetail}
      verb={text.node.revoke}
      act={async () => {
        await call(revokeNode, { parameters: { node: node.name }, body: { subtree } });
        await Promise.all([nodes.refresh(), mesh.refresh()]);
      }}
      onClose={onClose}
    >
      <label class="check">
        <input type="checkbox" checked={subtree} onChange={(event) => setSubtree(event.currentTarget.checked)} />
        {text.node.subtree}
      </label>
    </Confirm>
  );
}

function Card({ title, children }: { readonly title: string; readonly children: preact.ComponentChildren }) {
  return (
    <section class="card padded">
      <h2>{title}</h2>
      <dl class="pairs">{children}</dl>
    </section>
  );
}

function Pair({ name, value, code }: { readonly name: string; readonly value?: string; readonly code?: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{code === undefined ? value : <code>{code}</code>}</dd>
    </>
  );
}
