// The admission of a node that was approved: certificates, the records that prove it, the answer.

import type { Enrolled } from "../../api/joins.js";
import type { Clock } from "../../core/clock.js";
import { SerialQueue } from "../../core/serial-queue.js";
import { encodeSigned } from "../../core/signed.js";
import { type IssuedCertificate, issueLeaves, issueMaster } from "../identity/enrollment-issue.js";
import { JoinRefused } from "../join-refused.js";
import { payloadText } from "../registry/records.js";
import { type MasterShare, makeAnswer } from "./answer.js";
import { approvedHosts } from "./hosts.js";
import type { JoinAuthority, JoinRegistry, KnownNode } from "./ports.js";
import type { JoinRequest } from "./request.js";

/** What was decided about a request. */
export interface Approval {
  /** `token ID` or `person ID`. */
  readonly approvedBy: string;
  readonly deploy: boolean;
  /** The hash of the token's secret, when the token makes the node a master. */
  readonly masterBy: Uint8Array | undefined;
  /** Hosts that it may be vouched for, beside the address that it came from. */
  readonly hosts: readonly string[];
  /** The IP address that it came from, empty when only a node that is no master reports it. */
  readonly address: string;
  /** Id of the node where the request arrived. */
  readonly parent: string;
}

/** What an admission works with; see `RegistrationAuthorityOptions`. */
export interface AdmissionOptions {
  readonly authority: JoinAuthority;
  readonly registry: JoinRegistry;
  readonly clock: Clock;
  /** Writes down what was signed, so that a revocation list can name it. */
  readonly issued: (nodeId: string, certificates: readonly IssuedCertificate[]) => Promise<void>;
  readonly publish: (kind: string, text: string) => Promise<void>;
  readonly records: (nodeId: string) => readonly string[];
}

interface GrantedShare extends MasterShare {
  readonly grant: string;
}

/** A node that is in: its name, and the answer. */
export interface Admitted {
  readonly name: string;
  readonly answer: Enrolled;
}

/** Admits nodes one after the other, so that two cannot get one name. */
export class Admissions {
  readonly #options: AdmissionOptions;
  readonly #queue = new SerialQueue();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Throws unless the hosts of the request could be granted: before a token is used up for it, or a person decides. */
  check(request: JoinRequest, approval: Pick<Approval, "hosts" | "address">): void {
    this.#hosts(request, approval);
  }

  /**
   * Lets the node in; its admission is durable and on its way to the mesh when this resolves. A node that is in already
   * gets certificates under the admission that it has. Throws `join.refused` for a revoked one.
   */
  admit(request: JoinRequest, approval: Approval): Promise<Admitted> {
    return this.#queue.run(async () => {
      const { registry, authority, records } = this.#options;
      const known = registry.node(request.nodeId);
      if (known?.revoked) throw new JoinRefused("the node was revoked");
      const name = known?.name ?? registry.freeName(request.name);
      const deploy = known?.deploy ?? approval.deploy;
      const master = await this.#masterShare(request, { name, approval });
      const { nodeId, csr, publicCsr } = request;
      const marks = { deploy, master: master !== undefined || (known?.master ?? false) };
      const hosts = this.#hosts(request, approval);
      const leaves = issueLeaves({ nodeId, name, csr, publicCsr, hosts, ...marks }, authority);
      const { peerCertificate, publicCertificate } = leaves;
      if (peerCertificate === undefined || publicCertificate === undefined) throw new TypeError("a leaf is missing");
      await this.#options.issued(nodeId, leaves.issued);
      await this.#publish(request, { known, name, deploy, master, approval });
      const answer = makeAnswer({
        signer: authority.signer,
        request,
        name,
        peer: peerCertificate,
        public: publicCertificate,
        tokenPublicKey: authority.tokenPublicKey,
        master,
        records: records(request.nodeId),
      });
      return { name, answer };
    });
  }

  #hosts(request: JoinRequest, { hosts, address }: Pick<Approval, "hosts" | "address">): string[] {
    const { scope } = this.#options.authority;
    return approvedHosts({ wanted: request.hosts, advertise: request.advertise, allowed: hosts, address, scope });
  }

  async #masterShare(
    request: JoinRequest,
    { name, approval }: { name: string; approval: Approval },
  ): Promise<GrantedShare | undefined> {
    const { authority } = this.#options;
    if (approval.masterBy === undefined) return undefined;
    if (request.masterCsr === undefined) {
      throw new JoinRefused("the join token makes a master, and the request asks for no master's certificate");
    }
    const { nodeId, key, masterCsr } = request;
    const { grant, ...share } = await issueMaster({ nodeId, name, key, masterCsr }, authority);
    return { ...share, grant, hash: approval.masterBy };
  }

  async #publish(
    request: JoinRequest,
    {
      known,
      name,
      deploy,
      master,
      approval,
    }: {
      known: KnownNode | undefined;
      name: string;
      deploy: boolean;
      master: GrantedShare | undefined;
      approval: Approval;
    },
  ): Promise<void> {
    const { authority, clock, publish } = this.#options;
    const { nodeId: node, key } = request;
    if (master !== undefined) await publish("grant", master.grant);
    if (known !== undefined) return;
    const { parent, approvedBy } = approval;
    const marks = { parent, approvedBy, deploy, master: master !== undefined };
    const admission = { kind: "admission" as const, mesh: authority.meshId, node, name, key, at: clock.now() };
    await publish("admission", encodeSigned(authority.signer.sign(payloadText({ ...admission, ...marks }))));
  }
}
