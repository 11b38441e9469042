import { describe, expect, it } from "vitest";
import { Permits } from "./permits.ts";

const never = new AbortController().signal;

describe("permits", () => {
  it("are handed on in the order of asking", async () => {
    const permits = new Permits(1);
    const order: string[] = [];
    const work = async (name: string): Promise<void> => {
      using _ = await permits.take(never);
      order.push(name);
      await Promise.resolve();
    };
    await Promise.all([work("a"), work("b"), work("c")]);
    expect(order).toEqual(["a", "b", "c"]);
  });

  it("are not lost on who goes away while waiting", async () => {
    const permits = new Permits(1);
    const gone = new AbortController();
    const first = await permits.take(never);
    const second = permits.take(gone.signal);
    const third = permits.take(never);
    gone.abort(new Error("gone"));
    await expect(second).rejects.toThrow("gone");
    first[Symbol.dispose]();
    (await third)[Symbol.dispose]();
    expect(permits.waiting).toBe(0);
  });
});
