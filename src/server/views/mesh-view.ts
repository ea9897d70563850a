// Puts together the mesh port of the HTTPS interface.

import type { OuterWall } from "../../core/outer-wall.js";
import type { Availability } from "../../invoke/availability.js";
import type { Forwarding } from "../../invoke/forwarding/forwarding.js";
import type { Links, Members } from "../../mesh/ports.js";
import { mastersView } from "../../pki/registry/masters.js";
import type { DuplicateProcesses } from "../../trust/duplicate-processes.js";
import type { TrustParts } from "../../trust/trust-parts.js";
import type { Mesh } from "../ports.js";

/** The parts of a node that the view reads. */
interface MeshViewSources {
  readonly trust: Pick<TrustParts, "registry" | "revoker" | "crls" | "audit">;
  readonly links: Links;
  readonly members: Members;
  readonly forwarding: Pick<Forwarding, "statuses" | "stats" | "decisions">;
  readonly availability: Availability;
  readonly duplicates: Pick<DuplicateProcesses, "of">;
  readonly wall: OuterWall;
  readonly recycle: () => void;
}

/** The mesh as the HTTPS interface reads it. */
export function meshView({ trust, forwarding, duplicates, availability, ...sources }: MeshViewSources): Mesh {
  const { registry, revoker } = trust;
  const { statuses, stats, decisions } = forwarding;
  return {
    registry,
    ...sources,
    statsOf: (id) => stats.of(id),
    here: () => stats.here(),
    holders: (revision) => statuses.holders(revision),
    choiceOf: (invocation) => decisions.find(invocation),
    processesOf: (id) => duplicates.of(id),
    drainable: availability,
    revoke: (id, options) => revoker.revoke(id, options),
    masters: () => mastersView(registry),
    crl: () => trust.crls.pem(),
    audit: trust.audit.view,
  };
}
