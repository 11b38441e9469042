import type { Terms } from "./negotiate.ts";

/** What is to be done next. Blocks are counted from 1 and do not wrap. */
export type Step =
  | { readonly kind: "SendOptionAck" }
  | { readonly kind: "SendBlocks"; readonly first: number; readonly last: number }
  | { readonly kind: "Wait" }
  | { readonly kind: "Done" }
  | { readonly kind: "GiveUp" };

const WAIT: Step = { kind: "Wait" };
const MAX_TRIES = 6;

/** The sender's side of one read, without socket, clock or file: RFC 1350, 2347, 7440. */
export class Transfer {
  readonly #windowSize: number;
  readonly #last: number;
  /** The highest block that the client has; -1: it has not even confirmed the options. */
  #confirmed: number;
  /** The highest block sent. */
  #sent = 0;
  #tries = 0;
  /** This window was sent again because of a repeated Ack. Once must do (RFC 7440 section 4). */
  #rewound = false;
  #answered = false;

  constructor(size: number, { blockSize, windowSize, accepted }: Terms) {
    this.#windowSize = windowSize;
    this.#last = Math.floor(size / blockSize) + 1; // the last block is short, or empty
    this.#confirmed = accepted === null ? 0 : -1;
  }

  /** Whether the client has sent anything since its request. */
  get answered(): boolean {
    return this.#answered;
  }

  start(): Step {
    return this.#confirmed < 0 ? { kind: "SendOptionAck" } : this.#window();
  }

  /** @param block as on the wire: its low 16 bits */
  onAck(block: number): Step {
    if (this.#confirmed < 0) {
      return block === 0 ? this.#advance(0) : WAIT;
    }
    const ahead = (block - this.#confirmed) & 0xffff;
    const confirmed = this.#confirmed + ahead;
    if (confirmed > this.#sent) return WAIT; // an old one
    if (ahead > 0) return this.#advance(confirmed);
    // The same Ack again. One block at a time: ignored, or each block would be sent twice for ever
    // (RFC 1123 section 4.2.3.1). With a window it means that its first block was lost.
    if (this.#windowSize === 1 || this.#rewound) return WAIT;
    this.#rewound = true;
    return this.#window();
  }

  onTimeout(): Step {
    this.#tries += 1;
    return this.#tries >= MAX_TRIES ? { kind: "GiveUp" } : this.start();
  }

  #advance(confirmed: number): Step {
    this.#confirmed = confirmed;
    this.#tries = 0;
    this.#rewound = false;
    this.#answered = true;
    return confirmed === this.#last ? { kind: "Done" } : this.#window();
  }

  #window(): Step {
    const first = this.#confirmed + 1;
    const last = Math.min(this.#confirmed + this.#windowSize, this.#last);
    this.#sent = Math.max(this.#sent, last);
    return { kind: "SendBlocks", first, last };
  }
}
