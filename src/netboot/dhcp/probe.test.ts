import { describe, expect, it } from "vitest";
import { fromNumber } from "#base/ipv4.ts";
import { createProbe, isInArpTable } from "./probe.ts";

const TABLE = `IP address       HW type     Flags       HW address            Mask     Device
10.88.0.133      0x1         0x2         52:54:00:88:00:01     *        br0
10.88.0.134      0x1         0x0         00:00:00:00:00:00     *        br0
`;
const there = fromNumber(0x0a580085);
const asked = fromNumber(0x0a580086);
const never = fromNumber(0x0a580008);

describe("the ARP table", () => {
  it.each([
    { what: "has who answered", address: there, found: true },
    { what: "has not whom the kernel asked in vain", address: asked, found: false },
    { what: "has not whom nobody asked for, also not by a prefix", address: never, found: false },
  ])("$what", ({ address, found }) => {
    expect(isInArpTable(TABLE, address)).toBe(found);
  });
});

describe("the conflict probe", () => {
  const gate = Promise.withResolvers<void>();
  const clock = { now: () => 0, sleep: () => gate.promise };

  it("asks for each address, and lets those pass that are too many at once", async () => {
    const sent: unknown[] = [];
    const socket = { send: (...all: unknown[]) => sent.push(all[2]) };
    const arpTable = (): Promise<string> => Promise.resolve(TABLE);
    const taken = createProbe({ socket: socket as never, clock, arpTable, atOnce: 1 });
    const { signal } = new AbortController();
    const first = taken(there, signal);
    expect(await taken(there, signal)).toBe(false);
    gate.resolve();
    expect(await first).toBe(true);
    expect(await taken(asked, signal)).toBe(false);
    expect(sent).toEqual([there, asked]);
  });
});
