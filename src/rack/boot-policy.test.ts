import { describe, expect, it } from "vitest";
import type { BOOTS } from "#api/machine.ts";
import { machine, task } from "#test/fakes/rack-objects.ts";
import { type BootQuery, bootPolicy } from "./boot-policy.ts";

const UUID = "4c4c4544-0000-1000-8000-00000000a002";
const OTHER = "4c4c4544-0000-1000-8000-00000000ffff";

const asking = (difference: Partial<BootQuery> = {}): BootQuery => ({
  asked: "HTTP",
  uuid: UUID,
  machines: [machine()],
  tasks: [],
  subnet: { dhcp: "Server", discovery: "Off" },
  synced: true,
  waits: 0,
  boots: 0,
  looked: false,
  ...difference,
});
const withBoot = (boot: (typeof BOOTS)[number]) => machine({ status: { boot } });
const answer = (difference: Partial<BootQuery>) => {
  const { kind, reason } = bootPolicy(asking(difference));
  return `${kind} (${reason})`;
};

describe("a machine that the API names gets", () => {
  it.each<{ title: string; query: Partial<BootQuery>; gets: string }>([
    { title: "the agent for a due task", query: { tasks: [task()] }, gets: "Agent (Task)" },
    {
      title: "the agent for a task that was granted: its hello will show whether it may go on",
      query: { tasks: [task({ state: "Running" })] },
      gets: "Agent (Task)",
    },
    {
      title: "the agent for a due task even where its status says otherwise",
      query: { machines: [withBoot("Local")], tasks: [task({ type: "Erase" })] },
      gets: "Agent (Task)",
    },
    {
      title: "the agent where it waits warm",
      query: { machines: [withBoot("Agent")] },
      gets: "Agent (Warm)",
    },
    {
      title: "a netboot image where it runs from memory",
      query: { machines: [withBoot("Memory")] },
      gets: "Memory (Memory)",
    },
    {
      title: "its disk once deployed",
      query: { machines: [withBoot("Local")] },
      gets: "Local (Deployed)",
    },
    {
      title: "its disk as soon as its image is written",
      query: {
        machines: [withBoot("Hold")],
        tasks: [task({ type: "Deploy", state: "Written" })],
      },
      gets: "Local (Written)",
    },
    {
      title: "its disk when its object goes away",
      query: { machines: [machine({ deleting: true, status: { boot: "Agent" } })] },
      gets: "Local (Orphan)",
    },
    {
      title: "a wait while it is Ready or Allocated",
      query: { machines: [withBoot("Hold")] },
      gets: "Hold (Waiting)",
    },
    {
      title: "a wait after three boots without progress",
      query: { tasks: [task()], boots: 3 },
      gets: "Hold (BootLoop)",
    },
    {
      title: "its disk where option 97 is not what the task expects",
      query: { tasks: [task({ expect: { systemUUID: UUID } })], uuid: OTHER },
      gets: "Local (IdentityConflict)",
    },
    {
      title: "its disk where option 97 is not what was learned",
      query: {
        machines: [machine({ status: { boot: "Agent", identity: { systemUUID: UUID } } })],
        uuid: OTHER,
      },
      gets: "Local (IdentityConflict)",
    },
    {
      title: "the agent where option 97 is a placeholder, which names nobody",
      query: {
        tasks: [task({ expect: { systemUUID: UUID } })],
        uuid: "03000200-0400-0500-0006-000700080009",
      },
      gets: "Agent (Task)",
    },
    {
      title: "its disk where two Machines name its MAC",
      query: { machines: [machine(), machine({ name: "m2" })], tasks: [task()] },
      gets: "Local (DuplicateMac)",
    },
    {
      title: "a wait while the rack knows nothing yet: its task may be due",
      query: { machines: [], synced: false, waits: 4 },
      gets: "Hold (NotSynced)",
    },
    {
      title: "its disk where it has waited for that in vain: the API may be away for hours",
      query: { machines: [], synced: false, waits: 5 },
      gets: "Local (NotSynced)",
    },
    { title: "its disk where its status was lost", query: {}, gets: "Local (NothingRecorded)" },
    {
      title: "what its status says while it is paused, whatever is due",
      query: {
        machines: [machine({ paused: true, status: { boot: "Local" } })],
        tasks: [task({ type: "Erase" })],
      },
      gets: "Local (Deployed)",
    },
    {
      title: "nothing by a task of an earlier object of its name",
      query: { tasks: [task({ uid: "11111111-old" })] },
      gets: "Local (NothingRecorded)",
    },
    {
      title: "nothing by a task of another zone",
      query: { tasks: [task({ zone: "b" })] },
      gets: "Local (NothingRecorded)",
    },
    {
      title: "nothing by an older task that is still Pending",
      query: {
        machines: [withBoot("Hold")],
        tasks: [task({ epoch: 2, state: "Canceled" }), task({ epoch: 1 })],
      },
      gets: "Hold (Waiting)",
    },
  ])("$title", ({ query, gets }) => {
    expect(answer(query)).toBe(gets);
  });
});

describe("an unknown MAC gets", () => {
  it.each<{ title: string; query: Partial<BootQuery>; gets: string }>([
    {
      title: "silence where the site gives the addresses",
      query: { asked: "DHCP", subnet: { dhcp: "Proxy", discovery: "Off" } },
      gets: "Silence (Unknown)",
    },
    {
      title: "an address where we give them",
      query: { asked: "DHCP" },
      gets: "AddressOnly (Unknown)",
    },
    {
      title: "silence in a subnet that is not ours",
      query: { asked: "DHCP", subnet: null },
      gets: "Silence (Unknown)",
    },
    {
      title: "silence while the rack knows nothing yet",
      query: { asked: "DHCP", synced: false },
      gets: "Silence (NotSynced)",
    },
    {
      title: "the agent where discovery is on",
      query: { asked: "DHCP", subnet: { dhcp: "Proxy", discovery: "Auto" } },
      gets: "Agent (Discovery)",
    },
    {
      title: "its disk once it was looked at, also where discovery is on",
      query: { subnet: { dhcp: "Server", discovery: "Auto" }, looked: true },
      gets: "Local (LookedAt)",
    },
    { title: "its disk over HTTP, never a refusal", query: {}, gets: "Local (Unknown)" },
  ])("$title", ({ query, gets }) => {
    expect(answer({ machines: [], ...query })).toBe(gets);
  });

  it("no task with the agent of discovery", () => {
    const query = { machines: [], subnet: { dhcp: "Server", discovery: "Manual" } } as const;
    expect(bootPolicy(asking(query))).toMatchObject({ machine: null, task: null });
  });
});
