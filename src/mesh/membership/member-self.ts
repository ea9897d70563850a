// This node's own announcement: each change of state, and each refutation of an accusation, is a new incarnation.

import type { Clock } from "../../core/clock.js";
import type { DoorKind } from "../../core/door-kind.js";
import { encodeSigned, type Signer } from "../../core/signed.js";
import { type AnnouncedState, announcementPayload, type Summary } from "./member-messages.js";

/** What a {@link MemberSelf} announces, and signs with. */
export interface MemberSelfOptions {
  readonly mesh: string;
  readonly signer: Signer;
  /** Where peers dial this node (`HOST:PORT`), absent when they cannot dial it; and its HTTPS address. */
  readonly address: string | undefined;
  readonly url: string;
  /** Whether this node runs in a container. */
  readonly contained?: boolean | undefined;
  /** The front door of the node's public port. */
  readonly door?: DoorKind | undefined;
  readonly clock: Clock;
}

/** This node as a member. Incarnations start from the clock, so that a restarted node supersedes its former process. */
export class MemberSelf {
  readonly #options: MemberSelfOptions;
  #incarnation: number;
  #state: AnnouncedState = "alive";
  #text: string | undefined;

  constructor(options: MemberSelfOptions) {
    this.#options = options;
    this.#incarnation = Math.max(1, Math.floor(options.clock.now()));
  }

  get id(): string {
    return this.#options.signer.nodeId;
  }

  get state(): AnnouncedState {
    return this.#state;
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  get summary(): Summary {
    return [this.id, this.#incarnation, 0];
  }

  /** The signed announcement of the present incarnation. */
  get text(): string {
    const { mesh, signer, address, url, contained, door } = this.#options;
    const content = {
      node: this.id,
      incarnation: this.#incarnation,
      state: this.#state,
      address,
      url,
      contained,
      door,
    };
    this.#text ??= encodeSigned(signer.sign(announcementPayload(mesh, content)));
    return this.#text;
  }

  /** Announces a state, under an incarnation above the present one and above `past`. */
  announce(state: AnnouncedState, past = 0): void {
    this.#state = state;
    this.#incarnation = Math.max(this.#incarnation, past) + 1;
    this.#text = undefined;
  }
}
