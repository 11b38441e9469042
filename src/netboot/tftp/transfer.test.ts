import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { negotiate, type Terms } from "./negotiate.ts";
import { type Step, Transfer } from "./transfer.ts";

const terms = (windowSize: number, options: boolean): Terms => ({
  ...negotiate(new Map(), 0),
  blockSize: 10,
  windowSize,
  accepted: options ? new Map() : null,
});
const blocks = (first: number, last: number): Step => ({ kind: "SendBlocks", first, last });

describe("Transfer", () => {
  it("sends block after block, the last one short", () => {
    const transfer = new Transfer(25, terms(1, false));
    expect(transfer.start()).toEqual(blocks(1, 1));
    expect(transfer.onAck(1)).toEqual(blocks(2, 2));
    expect(transfer.onAck(2)).toEqual(blocks(3, 3));
    expect(transfer.onAck(3)).toEqual({ kind: "Done" });
  });

  it("ends a file of whole blocks with an empty one", () => {
    const transfer = new Transfer(10, terms(1, false));
    transfer.start();
    expect(transfer.onAck(1)).toEqual(blocks(2, 2));
    expect(transfer.onAck(2)).toEqual({ kind: "Done" });
  });

  it("waits for the acknowledgement of the options", () => {
    const transfer = new Transfer(25, terms(4, true));
    expect(transfer.start()).toEqual({ kind: "SendOptionAck" });
    expect(transfer.answered).toBe(false);
    expect(transfer.onAck(1)).toEqual({ kind: "Wait" });
    expect(transfer.onAck(0)).toEqual(blocks(1, 3));
    expect(transfer.answered).toBe(true);
  });

  it("goes on behind what the client has of a window (RFC 7440)", () => {
    const transfer = new Transfer(95, terms(4, false));
    expect(transfer.start()).toEqual(blocks(1, 4));
    expect(transfer.onAck(2)).toEqual(blocks(3, 6));
    expect(transfer.onAck(6)).toEqual(blocks(7, 10));
    expect(transfer.onAck(10)).toEqual({ kind: "Done" });
  });

  it("sends a window again when its first block was lost, but only once", () => {
    const transfer = new Transfer(95, terms(4, false));
    transfer.start();
    transfer.onAck(4);
    expect(transfer.onAck(4)).toEqual(blocks(5, 8));
    expect(transfer.onAck(4)).toEqual({ kind: "Wait" });
    expect(transfer.onAck(8)).toEqual(blocks(9, 10));
  });

  it("sends nothing twice because of a repeated Ack (the sorcerer's apprentice)", () => {
    const transfer = new Transfer(95, terms(1, false));
    transfer.start();
    transfer.onAck(1);
    expect(transfer.onAck(1)).toEqual({ kind: "Wait" });
  });

  it("ignores acknowledgements of what was never sent", () => {
    const transfer = new Transfer(95, terms(2, false));
    transfer.start();
    expect(transfer.onAck(3)).toEqual({ kind: "Wait" });
    expect(transfer.onAck(65_535)).toEqual({ kind: "Wait" });
  });

  it("sends again after silence, and gives up in the end", () => {
    const transfer = new Transfer(95, terms(2, false));
    transfer.start();
    for (let n = 0; n < 5; n += 1) expect(transfer.onTimeout()).toEqual(blocks(1, 2));
    expect(transfer.onTimeout()).toEqual({ kind: "GiveUp" });
  });

  it("counts its tries anew whenever the client moves", () => {
    const transfer = new Transfer(95, terms(2, false));
    transfer.start();
    for (let n = 0; n < 5; n += 1) transfer.onTimeout();
    transfer.onAck(2);
    expect(transfer.onTimeout()).toEqual(blocks(3, 4));
  });

  it("counts on beyond 65,535 blocks", () => {
    const transfer = new Transfer(10 * 65_540, terms(8, false));
    let step = transfer.start();
    let sent = 0;
    while (step.kind === "SendBlocks") {
      sent = step.last;
      step = transfer.onAck(step.last & 0xffff);
    }
    expect(step).toEqual({ kind: "Done" });
    expect(sent).toBe(65_541);
  });

  it("gets every block over a line that loses them", () => {
    const luck = fc.infiniteStream(fc.integer({ min: 0, max: 9 }));
    fc.assert(
      fc.property(fc.nat(400), fc.integer({ min: 1, max: 6 }), luck, (size, window, dice) => {
        const lost = (): boolean => (dice.next().value ?? 9) < 2;
        const { has, end } = overLine(new Transfer(size, terms(window, false)), lost);
        expect(end.kind === "GiveUp" || has === Math.floor(size / 10) + 1).toBe(true);
      }),
    );
  });
});

/** A client that takes blocks in order only; returns what it has at the end. */
function overLine(transfer: Transfer, lost: () => boolean): { has: number; end: Step } {
  let step = transfer.start();
  let has = 0;
  const take = (first: number, last: number): void => {
    for (let block = first; block <= last; block += 1) {
      if (!lost() && block === has + 1) has = block;
    }
  };
  while (step.kind === "SendBlocks" || step.kind === "Wait") {
    if (step.kind === "SendBlocks") take(step.first, step.last);
    step = step.kind === "Wait" || lost() ? transfer.onTimeout() : transfer.onAck(has);
  }
  return { has, end: step };
}
