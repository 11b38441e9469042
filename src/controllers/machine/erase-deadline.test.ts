import { describe, expect, it } from "vitest";
import type { MachineSpec } from "#api/machine.ts";
import { hours, seconds } from "#base/duration.ts";
import { deployDebian } from "#test/fakes/room.ts";
import { Shop } from "#test/fakes/shop.ts";

const TB = 931; // GiB

/** A deployed machine, given back. `sizeGiB`: of its largest disk; `null`: nobody knows any more. */
async function releasing(
  sizeGiB: number | null,
  erase: NonNullable<MachineSpec["onRelease"]>["erase"],
): Promise<Shop> {
  const room = await Shop.with({ ...deployDebian, onRelease: { erase } });
  await room.deploy();
  const drives = [{ type: "HDD", sizeGiB, count: 24 }];
  await room.writeMachineStatus("m1", { hardware: sizeGiB === null ? null : { drives } });
  await room.settle();
  await room.edit({ deploy: null });
  for (const _ of [1, 2]) await room.pass(seconds(10));
  return room;
}

const deadline = async (room: Shop) => (await room.tasks()).at(-1)?.spec.runDeadline;

describe("an erase", () => {
  it.each([
    ["8 h for disks that are done by then", 1 * TB, "Secure", "28800s"],
    ["what 20 TB take at 50 MiB/s", 20 * TB, "Secure", "381338s"],
    ["as much to overwrite them by order", 20 * TB, "Full", "381338s"],
    ["8 h for signatures, whatever the size", 20 * TB, "Quick", "28800s"],
    ["three days where the size is lost", null, "Secure", "259200s"],
  ] as const)("has %s", async (_, sizeGiB, method, time) => {
    expect(await deadline(await releasing(sizeGiB, method))).toBe(time);
  });

  it("of large disks is neither late nor overdue on its second day", async () => {
    const room = await releasing(20 * TB, "Secure");
    await room.grant();
    for (const _ of [1, 2, 3, 4, 5]) await room.pass(hours(8));
    expect((await room.tasks()).at(-1)?.status?.state).toBe("Running");
    expect(await room.condition("Stalled")).toContain("False");
    for (const _ of [1, 2, 3, 4, 5, 6, 7, 8, 9]) await room.pass(hours(8));
    const states = (await room.tasks()).map(({ spec, status }) => `${spec.type} ${status?.state}`);
    expect(states).toContain("Erase Expired");
  });
});
