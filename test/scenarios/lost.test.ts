/** The status is wiped, and then the record too, in each phase: that costs repeats, never data. */
import { beforeAll, describe, expect, it } from "vitest";
import { KINDS, RECORD_ANNOTATION } from "#api/group.ts";
import type { Machine, MachineStatus } from "#api/machine.ts";
import type { MachineTask } from "#api/machine-task.ts";
import { isBlank } from "#api/record.ts";
import { LEASES } from "#kube/lease.ts";
import type { MachineConfig } from "#sim/fleet.ts";
import { useNamespace } from "#test/cluster/harness.ts";
import { NAMESPACE } from "../../tools/room/manifests.ts";
import { admit, claim } from "./claims.ts";
import { type Scene, stallOf, useScene } from "./scene.ts";

const tenant = useNamespace("tenant");
const scene = useScene({ zone: "lost", machines: 64, speed: 60 });
const DISKS = 2;
const LEASE = { namespace: "steelyard-system", name: "steelyard-operator" };

beforeAll(() => admit(scene(), tenant));

type Wiped = "status" | "status and record";

/** As a restore from a backup of the specs does it, with nobody at work meanwhile. */
async function wipe(s: Scene, names: readonly string[], what: Wiped): Promise<void> {
  const { operator } = s.room;
  operator.kill("SIGKILL");
  await operator.ended;
  for (const name of names) {
    const at = { namespace: NAMESPACE, name };
    const kind = KINDS.machine;
    const { status = {} } = (await s.client.get<Machine>(kind, at, s.signal)) ?? {};
    const gone = Object.keys(status).filter((field) => field !== "epoch"); // which never goes back
    const none = { status: Object.fromEntries(gone.map((field) => [field, null])) };
    if (gone.length > 0) {
      await s.client.mergePatch(kind, at, none, { subresource: "status" }, s.signal);
    }
    await s.until(name, "wiped", (one) => isBlank(one.status));
    if (what === "status") continue;
    const annotations = { [RECORD_ANNOTATION]: null };
    await s.client.mergePatch(kind, at, { metadata: { annotations } }, {}, s.signal);
  }
  await s.client.delete(LEASES, LEASE, {}, s.signal); // or the next one waits for the dead one
  s.room.startOperator();
}

const ownImage = (s: Scene) => ({ deploy: { imageRef: { name: s.room.image.name } } });

const order = (s: Scene, name: string): Promise<unknown> => s.edit(name, { deploy: null });

/** Moments that pass, each caught for several machines at once. */
const MOMENTS = ["a task was just made", "an agent is at work", "an image was written"] as const;

interface Stage {
  readonly what: string;
  /** The phase in which it comes to rest; with a reason, where it stops. */
  readonly ends: readonly [NonNullable<MachineStatus["phase"]> | "gone", (string | null)?];
  /** Without the record it may end so, too: nothing tells any more who held it. */
  readonly without?: Stage["ends"];
  /** A person has ordered it. */
  readonly mayErase?: true;
  /** What takes long is done for all stages at once. */
  readonly prepare?: (s: Scene, server: MachineConfig) => Promise<unknown>;
  readonly moment?: (typeof MOMENTS)[number];
  /** Brings a machine to its moment. */
  readonly reach?: (s: Scene, server: MachineConfig) => Promise<unknown>;
}

const running =
  (type: MachineTask["spec"]["type"], ...states: readonly string[]) =>
  ({ spec, status }: MachineTask): boolean =>
    spec.type === type && states.includes(status?.state ?? "Pending");

const ready = async (s: Scene, server: MachineConfig, spec: object = {}): Promise<void> => {
  await s.enrol(server, spec);
  await s.phase(server.name, "Ready");
};

const STAGES: readonly Stage[] = [
  { what: "Ready", ends: ["Ready"], prepare: ready },
  {
    what: "Allocated",
    ends: ["Allocated"], // no record says yet whose it is: its claim does
    prepare: async (s, server) => {
      await ready(s, server);
      await claim(s, { namespace: tenant, name: server.name }, server.name, { deploy: undefined });
      await s.phase(server.name, "Allocated");
    },
  },
  { what: "Deployed", ends: ["Deployed"], prepare: (s, server) => s.deployed(server) },
  {
    what: "Deployed for a claim",
    ends: ["Deployed"],
    without: ["New", "ClaimLost"],
    prepare: async (s, server) => {
      await ready(s, server);
      await claim(s, { namespace: tenant, name: server.name }, server.name);
      await s.phase(server.name, "Deployed");
    },
  },
  {
    what: "Rescue of what is deployed",
    ends: ["Rescue"],
    prepare: async (s, server) => {
      await s.deployed(server);
      await s.edit(server.name, { mode: "Rescue" });
      await s.untilTask(server.name, "a shell", running("Rescue", "Running"));
    },
  },
  {
    what: "Rescue of what is free",
    ends: ["Rescue"],
    prepare: async (s, server) => {
      await ready(s, server);
      await s.edit(server.name, { mode: "Rescue" });
      await s.untilTask(server.name, "a shell", running("Rescue", "Running"));
    },
  },
  {
    what: "Broken",
    ends: ["Broken"],
    prepare: async (s, server) => {
      await s.deployed(server);
      await s.edit(server.name, { mode: "Broken" });
      await s.phase(server.name, "Broken");
    },
  },
  {
    what: "Retired",
    ends: ["Retired"],
    prepare: async (s, server) => {
      await ready(s, server);
      await s.edit(server.name, { mode: "Retired" });
      await s.phase(server.name, "Retired");
    },
  },
  {
    what: "Commissioning",
    moment: "a task was just made",
    ends: ["Deployed"],
    reach: async (s, server) => {
      await s.enrol(server, ownImage(s));
      await s.untilTask(server.name, "a Commission", running("Commission", "Pending"));
    },
  },
  {
    what: "Deploying, its task just made",
    moment: "a task was just made",
    ends: ["Deployed"],
    prepare: ready,
    reach: async (s, server) => {
      await s.edit(server.name, ownImage(s));
      await s.untilTask(server.name, "a Deploy", running("Deploy", "Pending"));
    },
  },
  {
    what: "Deploying, being written",
    moment: "an agent is at work",
    ends: ["Deployed"],
    prepare: ready,
    reach: async (s, server) => {
      await s.edit(server.name, ownImage(s));
      await s.untilTask(server.name, "a Deploy that runs", running("Deploy", "Running"));
    },
  },
  {
    what: "Deploying, written and not up yet",
    moment: "an image was written",
    ends: ["Deployed"],
    prepare: ready,
    reach: async (s, server) => {
      await s.edit(server.name, ownImage(s));
      await s.untilTask(server.name, "Written", running("Deploy", "Written"));
    },
  },
  {
    what: "Testing",
    moment: "a task was just made",
    ends: ["Deployed"],
    prepare: (s, server) => s.deployed(server),
    reach: async (s, server) => {
      await s.edit(server.name, { nonces: { test: "once" } });
      await s.untilTask(server.name, "a Test", running("Test", "Pending"));
    },
  },
  {
    what: "Releasing, its task just made",
    moment: "a task was just made",
    ends: ["Ready"],
    without: ["New", "ClaimLost"], // unless it was booted already
    mayErase: true,
    prepare: (s, server) => s.deployed(server),
    reach: async (s, server) => {
      await order(s, server.name);
      await s.untilTask(server.name, "an Erase", running("Erase", "Pending"));
    },
  },
  {
    what: "Releasing, being erased",
    moment: "an agent is at work",
    ends: ["Ready"],
    mayErase: true,
    prepare: (s, server) => s.deployed(server),
    reach: async (s, server) => {
      await order(s, server.name);
      await s.untilTask(server.name, "an Erase that runs", running("Erase", "Running"));
    },
  },
  {
    what: "Deleting, being erased first",
    moment: "an agent is at work",
    ends: ["gone"],
    mayErase: true,
    prepare: async (s, server) => {
      await ready(s, server, { deletionPolicy: "Decommission" });
      await s.edit(server.name, { mode: "Rescue" });
      await s.untilTask(server.name, "a shell", running("Rescue", "Running"));
    },
    reach: async (s, server) => {
      const at = { namespace: NAMESPACE, name: server.name };
      await s.client.delete(KINDS.machine, at, {}, s.signal);
      await s.untilTask(server.name, "an Erase that runs", running("Erase", "Running"));
    },
  },
];

describe.each<Wiped>(["status", "status and record"])("a machine whose %s is wiped", (wiped) => {
  it(`comes to the same end from each phase, and no disk is erased unasked`, async () => {
    const s = scene();
    const cast = STAGES.map((stage) => ({ stage, server: s.server() }));
    await Promise.all(cast.map(({ stage, server }) => stage.prepare?.(s, server)));
    for (const moment of [undefined, ...MOMENTS]) {
      const now = cast.filter(({ stage }) => stage.moment === moment);
      await Promise.all(now.map(({ stage, server }) => stage.reach?.(s, server)));
      const names = now.map(({ server }) => server.name);
      await wipe(s, names, wiped);
    }

    await Promise.all(
      cast.map(({ stage, server: { name } }) => {
        if (stage.ends[0] === "gone") return s.gone(name);
        const ends = [stage.ends, ...(wiped === "status" ? [] : [stage.without ?? stage.ends])];
        const isEnd = (one: Machine): boolean =>
          ends.some(([phase, why = null]) => one.status?.phase === phase && stallOf(one) === why);
        return s.until(name, `${stage.what} → ${ends.join(" or ")}`, isEnd);
      }),
    );
    for (const { stage, server } of cast) {
      const { what, mayErase = false } = stage;
      const { counters, name } = await s.seen(server.name);
      const orders = s.history.granted(name, "Erase");
      expect([what, counters.diskWrites]).toEqual([what, s.history.granted(name, "Deploy")]);
      expect([what, s.history.made(name, "Erase") > 0]).toEqual([what, mayErase]);
      expect(counters.erases, what).toBeLessThanOrEqual(DISKS * orders);
    }
    expect(s.history.wrongs()).toEqual([]);
  }, 300_000);
});
