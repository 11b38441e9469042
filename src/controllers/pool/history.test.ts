/** Whatever happens to a pool, and whoever takes over with however old a view. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DELETE_FIRST_ANNOTATION } from "#api/group.ts";
import { PoolRoom, template } from "#test/fakes/pool-room.ts";

type View = Awaited<ReturnType<PoolRoom["view"]>>;

type Step =
  | { readonly do: "scale"; readonly replicas: number }
  | { readonly do: "roll"; readonly image: string }
  /** Somebody wants this claim to go first. */
  | { readonly do: "name"; readonly at: number }
  | { readonly do: "settle" | "reconcile" | "look" | "bind" | "release" }
  /** Another operator, with a view from so many steps ago. */
  | { readonly do: "takeOver"; readonly ago: number };

const anyScale = fc.record({ do: fc.constant("scale" as const), replicas: fc.nat(5) });
const anyRoll = fc.record({ do: fc.constant("roll" as const), image: fc.constantFrom("x", "y") });
const anyName = fc.record({ do: fc.constant("name" as const), at: fc.nat(3) });
const anyTurn = fc.record({
  do: fc.constantFrom("settle", "reconcile", "look", "bind", "release"),
});
const anyTakeOver = fc.record({ do: fc.constant("takeOver" as const), ago: fc.nat(4) });

/** Plays it, and calls `after` after each step. */
async function play(
  room: PoolRoom,
  steps: readonly Step[],
  after: (step: Step) => Promise<void>,
): Promise<void> {
  const views: View[] = [await room.view()];
  for (const step of steps) {
    await take(room, step, views);
    views.push(await room.view());
    await after(step);
  }
}

async function take(room: PoolRoom, step: Step, views: readonly View[]): Promise<void> {
  switch (step.do) {
    case "scale":
      return room.edit({ replicas: step.replicas });
    case "roll":
      return room.edit({ template: template(step.image) });
    case "name":
      return name(room, step.at);
    case "takeOver": {
      const view = views.at(-1 - step.ago) ?? views[0];
      return view && room.show(view);
    }
    default:
      return room[step.do]();
  }
}

async function name(room: PoolRoom, at: number): Promise<void> {
  const claim = (await room.claims())[at];
  if (claim === undefined) return;
  const metadata = { annotations: { [DELETE_FIRST_ANNOTATION]: "true" } };
  await room.patchClaim(claim.metadata.name, { metadata });
}

/** UIDs of the claims that stay, and of those that hold a machine. */
async function holders(room: PoolRoom) {
  const claims = await room.claims();
  const live = claims.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const bound = claims.filter(({ status }) => status?.machineRef !== undefined);
  return {
    kept: new Set(live.map(({ metadata }) => metadata.uid)),
    holding: bound.map(({ metadata }) => metadata.uid),
  };
}

const nothing = async (): Promise<void> => undefined;
const OPTIONS = { numRuns: 40 };

describe("after any history", () => {
  it("a pool comes to rest with as many claims as are wanted, all as the template says and Ready", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(anyScale, anyRoll, anyName, anyTurn, anyTakeOver), { maxLength: 15 }),
        fc.constantFrom("Replace", "Reinstall"),
        async (steps, type) => {
          const room = await PoolRoom.with({ replicas: 2, strategy: { type, maxUnavailable: 1 } });
          await play(room, steps, nothing);
          for (let round = 0; round < 20; round++) {
            await room.settle();
            await room.bind();
            await room.release();
          }
          const { spec } = await room.pool();
          const images = (await room.claims()).map((claim) => claim.spec.deploy?.imageRef.name);
          const wanted = spec.template.spec.deploy?.imageRef.name;
          expect(images).toEqual(Array(spec.replicas).fill(wanted));
          expect(await room.condition("Ready")).toMatch(/^True/);
        },
      ),
      OPTIONS,
    ));

  it("no more machines were given up than somebody scaled away, however old the views were", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(anyScale, anyName, anyTurn, anyTakeOver), { maxLength: 20 }),
        async (steps) => {
          const room = await PoolRoom.with({ replicas: 3 });
          await room.settle();
          await room.bind();
          const bound = new Set<string>();
          let allowed = 0;
          let replicas = 3;
          await play(room, steps, async (step) => {
            if (step.do === "scale") {
              allowed += Math.max(0, replicas - step.replicas);
              replicas = step.replicas;
            }
            const { kept, holding } = await holders(room);
            for (const uid of holding) bound.add(uid);
            const lost = [...bound].filter((uid) => !kept.has(uid)).length;
            expect(lost).toBeLessThanOrEqual(allowed);
          });
        },
      ),
      OPTIONS,
    ));
});
