import { describe, expect, it } from "vitest";
import { API_VERSION, DELETE_FIRST_ANNOTATION, KINDS, POOL_LABEL } from "#api/group.ts";
import { ApiError } from "#kube/client.ts";
import type { Call } from "#test/fakes/cluster.ts";
import { PoolRoom, template } from "#test/fakes/pool-room.ts";

const isClaim = ({ resource }: Call): boolean => resource === KINDS.machineClaim.plural;
const soon = () => AbortSignal.timeout(5_000);
const place = { namespace: "team", name: "web" };
const label = { labels: { [POOL_LABEL]: "web" } };

async function running(replicas: number, spec: object = {}): Promise<PoolRoom> {
  const room = await PoolRoom.with({ replicas, ...spec });
  await room.settle();
  await room.bind();
  await room.settle();
  return room;
}

/** Binds and releases, as the claim controller does, until the pool is at rest. */
async function rollOn(room: PoolRoom): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 30; round++) {
    await room.settle();
    least = Math.min(least, (await room.pool()).status?.readyReplicas ?? 0);
    if ((await room.condition("Ready")) === "True AllReady") return least;
    await room.release();
    await room.bind();
  }
  throw new Error("the rollout does not end");
}

describe("a pool", () => {
  it("makes its claims from the template, as their controller", async () => {
    const room = await PoolRoom.with({
      replicas: 2,
      template: { ...template(), metadata: { labels: { tier: "web" } } },
    });
    await room.settle();
    const [claim, ...others] = await room.claims();
    expect(others).toHaveLength(1);
    expect(claim?.spec).toEqual(template().spec);
    expect(claim?.metadata.labels).toMatchObject({ tier: "web", [POOL_LABEL]: "web" });
    const { uid } = (await room.pool()).metadata;
    expect(claim?.metadata.ownerReferences).toEqual([
      {
        apiVersion: API_VERSION,
        kind: "MachinePool",
        name: "web",
        uid,
        controller: true,
        blockOwnerDeletion: true,
      },
    ]);
  });

  it("says how it stands, and what autoscalers ask for", async () => {
    const room = await PoolRoom.with({ replicas: 2 });
    await room.settle();
    expect(await room.condition("Reconciling")).toBe("True Pending");
    await room.bind();
    await room.settle();
    expect((await room.pool()).status).toMatchObject({
      observedGeneration: 1,
      replicas: 2,
      readyReplicas: 2,
      updatedReplicas: 2,
      selector: "steelyard.dev/pool=web",
    });
    expect(await room.condition("Ready")).toBe("True AllReady");
  });

  it("scales up, down and to zero, and tells of it", async () => {
    const room = await running(1);
    await room.edit({ replicas: 3 });
    await room.settle();
    expect(await room.ordinals()).toEqual([0, 1, 2]);
    await room.bind();
    await room.edit({ replicas: 0 });
    await room.settle();
    expect(await room.ordinals()).toEqual([]);
    expect(await room.condition("Ready")).toBe("True ScaledToZero");
    expect(room.events.map((text) => text.split(" ")[0])).toEqual([
      "ScaledUp",
      "ScaledUp",
      "ScaledDown",
    ]);
  });

  it("keeps within its bounds, whatever is asked of it", async () => {
    const room = await PoolRoom.with({ minReplicas: 2, maxReplicas: 3 });
    await room.settle();
    expect(await room.ordinals()).toEqual([0, 1]);
    await room.edit({ replicas: 9 });
    await room.settle();
    expect(await room.ordinals()).toEqual([0, 1, 2]);
    expect((await room.pool()).spec.replicas).toBe(3);
  });

  it("writes replicas where they were left to it, for autoscalers to read", async () => {
    const room = await PoolRoom.with({});
    await room.settle();
    expect((await room.pool()).spec.replicas).toBe(0);
    expect(room.cluster.writes.at(-2)).toMatchObject({ verb: "patch", subresource: "scale" });
  });

  it("gives up first whom an autoscaler named", async () => {
    const room = await running(3);
    const [first] = await room.claims();
    await room.patchClaim(first?.metadata.name ?? "", {
      metadata: { annotations: { [DELETE_FIRST_ANNOTATION]: "true" } },
    });
    await room.edit({ replicas: 2 });
    await room.settle();
    expect(await room.ordinals()).toEqual([1, 2]);
  });

  it("makes another claim under another name while one gives its machine back", async () => {
    const room = await running(2);
    const [first] = await room.claims();
    await room.cluster.delete(
      KINDS.machineClaim,
      { ...place, name: first?.metadata.name ?? "" },
      {},
      soon(),
    );
    await room.settle();
    expect(await room.ordinals()).toEqual([1, 2]);
  });

  it("does nothing when nothing changes", async () => {
    const room = await running(3);
    const before = room.cluster.writes.length;
    await room.settle();
    expect(room.cluster.writes.length).toBe(before);
  });
});

describe("a rollout", () => {
  it("replaces claim by claim, with no more than maxUnavailable not ready", async () => {
    const room = await running(4, { strategy: { type: "Replace", maxUnavailable: "50%" } });
    await room.edit({ template: template("trixie") });
    expect(await rollOn(room)).toBe(2);
    expect((await room.claims()).map(({ spec }) => spec.deploy?.imageRef.name)).toEqual(
      Array(4).fill("trixie"),
    );
    expect(room.events.at(-1)).toBe("RolledOut All claims are as the template says.");
  });

  it("reinstalls in place, with the same claims", async () => {
    const room = await running(3, { strategy: { type: "Reinstall", maxUnavailable: 1 } });
    const before = (await room.claims()).map(({ metadata }) => metadata.uid);
    await room.edit({ template: template("trixie") });
    expect(await rollOn(room)).toBe(2);
    const after = await room.claims();
    expect(after.map(({ metadata }) => metadata.uid)).toEqual(before);
    expect(
      after.every(
        ({ spec }) =>
          spec.updateStrategy === "Reinstall" && spec.deploy?.imageRef.name === "trixie",
      ),
    ).toBe(true);
  });

  it("stops at the first machine on which it fails, says so, and goes on with a better template", async () => {
    const room = await running(4);
    room.unlucky.add("bad");
    await room.edit({ template: template("bad") });
    for (let round = 0; round < 5; round++) {
      await room.settle();
      await room.release();
      await room.bind();
    }
    await room.settle();
    expect((await room.pool()).status).toMatchObject({ readyReplicas: 3, updatedReplicas: 1 });
    expect(await room.condition("Stalled")).toBe("True RolloutHalted");
    expect(room.events.at(-1)).toMatch(
      /^RolloutHalted The rollout stopped at 1 of 4: claim .* is TaskFailed: The disk is dead\.$/,
    );
    await room.edit({ template: template("trixie") });
    expect(await rollOn(room)).toBe(3);
  });
});

describe("whose a claim is", () => {
  it("is the pool's if it has its label and no controller", async () => {
    const room = await PoolRoom.with({ replicas: 2 });
    await room.makeClaim("by-hand", label);
    await room.settle();
    expect((await room.claims()).map(({ metadata }) => metadata.name)).toContain("by-hand");
    expect(await room.claims()).toHaveLength(2);
  });

  it("is another controller's if that has it", async () => {
    const room = await PoolRoom.with({ replicas: 1 });
    const owner = { apiVersion: "v1", kind: "Other", name: "web", uid: "other", controller: true };
    await room.makeClaim("theirs", { ...label, ownerReferences: [owner] });
    await room.settle();
    expect(await room.claims()).toHaveLength(2);
  });

  it("is nobody's when its label is taken away: the pool makes another", async () => {
    const room = await running(1);
    const [claim] = await room.claims();
    const name = claim?.metadata.name ?? "";
    await room.patchClaim(name, { metadata: { labels: { [POOL_LABEL]: null } } });
    await room.settle();
    expect((await room.claims()).map(({ metadata }) => metadata.ownerReferences?.length)).toEqual([
      0, 1,
    ]);
  });

  it("stays open while it belongs to a pool of the same name that is gone", async () => {
    const room = await PoolRoom.with({ replicas: 1 });
    const owner = {
      apiVersion: API_VERSION,
      kind: "MachinePool",
      name: "web",
      uid: "gone",
      controller: true,
    };
    await room.makeClaim("left", { ...label, ownerReferences: [owner] });
    await room.settle();
    expect(await room.claims()).toHaveLength(1);
    expect(await room.condition("Reconciling")).toBe("True OwnerGone");
    await room.patchClaim("left", { metadata: { ownerReferences: null } });
    await room.settle();
    expect((await room.claims()).map(({ metadata }) => metadata.name)).toEqual(["left"]);
  });

  it("is not decided by a pool that is gone, though the cache still shows it", async () => {
    const room = await running(1);
    await room.makeClaim("orphan", label);
    await room.look();
    await room.cluster.delete(KINDS.machinePool, place, { propagation: "Orphan" }, soon());
    await room.reconcile();
    const orphan = (await room.claims()).find(({ metadata }) => metadata.name === "orphan");
    expect(orphan?.metadata.ownerReferences).toBeUndefined();
  });

  it("survives the pool's deletion with --cascade=orphan, and is taken over by the next pool", async () => {
    const room = await running(2);
    const before = (await room.claims()).map(({ metadata }) => metadata.uid);
    await room.cluster.delete(KINDS.machinePool, place, { propagation: "Orphan" }, soon());
    for (const { metadata } of await room.claims()) {
      await room.patchClaim(metadata.name, { metadata: { ownerReferences: null } }); // the garbage collector
    }
    await room.settle();
    await room.makePool({ replicas: 2 });
    await room.settle();
    expect((await room.claims()).map(({ metadata }) => metadata.uid)).toEqual(before);
    expect(await room.condition("Ready")).toBe("True AllReady");
  });
});

describe("with an old view", () => {
  it("another operator creates no claim too many", async () => {
    const room = await PoolRoom.with({ replicas: 3 });
    const view = await room.view();
    await room.settle();
    room.show(view);
    await room.reconcile();
    expect(await room.claims()).toHaveLength(3);
  });

  it.each([
    { what: "of the claims", isPoolSeen: true },
    { what: "of everything", isPoolSeen: false },
  ])("$what another operator gives up nobody else", async ({ isPoolSeen }) => {
    const room = await running(4);
    await room.edit({ replicas: 2 });
    await room.look();
    const [first] = await room.claims();
    const annotations = { [DELETE_FIRST_ANNOTATION]: "true" };
    await room.patchClaim(first?.metadata.name ?? "", { metadata: { annotations } });
    const view = await room.view(); // whoever sees this would choose the first
    await room.reconcile();
    expect(await room.ordinals()).toEqual([0, 1]);
    const { pools } = await room.view();
    room.show(isPoolSeen ? { ...view, pools } : view);
    await room.reconcile();
    expect(await room.ordinals()).toEqual([0, 1]);
  });

  it("another operator creates nothing that is not wanted any more", async () => {
    let fails = true;
    const onCall = ({ verb }: Call): void => {
      const message = "the operator is killed";
      if (fails && verb === "create")
        throw new ApiError({ code: 409, reason: "Conflict", message });
    };
    const room = new PoolRoom();
    await room.makePool({ replicas: 1 });
    room.onCall = onCall;
    await room.look();
    await room.reconcile();
    const view = await room.view(); // with the status that says what is about to be done
    await room.edit({ replicas: 0 });
    fails = false;
    room.show(view);
    await room.reconcile();
    expect(await room.claims()).toEqual([]);
  });

  it("a claim that has changed since is spared, and the choice made again", async () => {
    const room = await running(2);
    await room.edit({ replicas: 1 });
    await room.look();
    const chosen = (await room.claims())[1]?.metadata.name ?? "";
    await room.patchClaim(chosen, { spec: { protected: true } });
    await room.reconcile();
    expect(await room.ordinals()).toEqual([0, 1]);
    expect((await room.pool()).status?.releasing).toBeUndefined();
    await room.settle();
    expect(await room.ordinals()).toEqual([1]);
  });
});

describe("a refusal", () => {
  const quota = (): never => {
    throw new ApiError({ code: 403, reason: "Forbidden", message: "exceeded quota: claims" });
  };

  it("of a claim is said once, and forgotten when the claim may be made", async () => {
    let refuses = true;
    const onCall = (call: Call): void =>
      void (refuses && isClaim(call) && call.verb === "create" && quota());
    const room = await PoolRoom.with({ replicas: 1 }, { onCall });
    await room.settle();
    await room.settle();
    expect(await room.condition("Stalled")).toBe("True ClaimRefused");
    expect(room.events).toEqual([
      expect.stringMatching(
        /^ClaimRefused Claim web-.*-0 could not be made: exceeded quota: claims$/,
      ),
    ]);
    refuses = false;
    await room.settle();
    expect(await room.condition("Stalled")).toBe("False Pending");
  });
});

describe("an operator that does not lead any more", () => {
  const deposed = (): never => {
    throw new Error("deposed");
  };
  const given = (room: PoolRoom, before: number): readonly string[] =>
    room.cluster.writes
      .slice(before)
      .filter(isClaim)
      .map(({ verb }) => verb);

  it("gives up no claim, though it wrote down whom", async () => {
    const room = await running(2);
    await room.edit({ replicas: 1 });
    await room.look();
    const before = room.cluster.writes.length;
    room.fence = deposed;
    await expect(room.reconcile()).rejects.toThrow("deposed");
    expect(given(room, before)).toEqual([]);
  });

  it("has no claim reinstalled", async () => {
    const room = await running(1, { strategy: { type: "Reinstall" } });
    await room.edit({ template: template("trixie") });
    await room.look();
    const before = room.cluster.writes.length;
    room.fence = deposed;
    await expect(room.reconcile()).rejects.toThrow("deposed");
    expect(given(room, before)).toEqual([]);
  });
});
