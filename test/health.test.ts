/**
 * What kstatus and Argo CD say of every state that claims and pools can be in, by kstatus's rules as
 * they are documented and in our own Lua. By their own library and VM: test/cluster/health.test.ts.
 */
import { describe, expect, it } from "vitest";
import type { Condition } from "#kube/conditions.ts";
import { isTrue } from "#kube/conditions.ts";
import { claimStates, objectOf, poolStates, SAYS, type State } from "#test/fakes/health-states.ts";
import { scriptOf } from "../tools/gitops/cases.ts";
import { luaHealth } from "../tools/gitops/lua.ts";

interface Seen {
  readonly metadata: { readonly generation: number; readonly deletionTimestamp?: string };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly conditions?: readonly Condition[];
  };
}

/** github.com/kubernetes-sigs/cli-utils, pkg/kstatus: the generic rules, for kinds that it does not know. */
function kstatus({ metadata, status = {} }: Seen): string {
  const { observedGeneration, conditions } = status;
  if (metadata.deletionTimestamp !== undefined) return "Terminating";
  if (observedGeneration !== undefined && observedGeneration !== metadata.generation) {
    return "InProgress";
  }
  if (isTrue(conditions, "Stalled")) return "Failed";
  if (isTrue(conditions, "Reconciling")) return "InProgress";
  const ready = conditions?.find(({ type }) => type === "Ready");
  return ready === undefined || ready.status === "True" ? "Current" : "InProgress";
}

const wrong = ({ kind, state, word, object }: State): readonly object[] => {
  const said = kstatus(object as unknown as Seen);
  const { status: health } = luaHealth(scriptOf(kind), object);
  const wanted = SAYS[word];
  return said === wanted.kstatus && health === wanted.health ? [] : [{ state, word, said, health }];
};

/** The reasons of Ready that are met. */
const reasons = (states: readonly State[]): ReadonlySet<string> =>
  new Set(
    states.flatMap(({ object }) => {
      const { conditions = [] } = (object as unknown as Seen).status ?? {};
      return conditions.filter(({ type }) => type === "Ready").map(({ reason }) => reason);
    }),
  );

describe("of every state that the operator writes, kstatus and Argo CD say what a person would", () => {
  it("for claims", () => {
    const states = claimStates();
    expect(states.flatMap(wrong)).toEqual([]);
    expect(reasons(states)).toContain("MachineLost");
    expect([...reasons(states)]).toEqual(
      expect.arrayContaining(["NotPlaced", "ImageNotFound", "AdoptionForbidden", "Releasing"]),
    );
  });

  it("for pools", () => {
    const states = poolStates();
    expect(states.flatMap(wrong)).toEqual([]);
    expect([...reasons(states)].toSorted()).toEqual([
      "AllReady",
      "ClaimProtected",
      "ClaimRefused",
      "Deploying",
      "NotPlaced",
      "OwnerGone",
      "RollingOut",
      "RolloutHalted",
      "ScaledToZero",
      "Scaling",
    ]);
  });
});

it("kstatus, which knows no state, takes a MachineTask that failed for Current, and Argo CD does not", () => {
  const object = objectOf("MachineTask", {}, { state: "Failed" });
  expect(kstatus(object as unknown as Seen)).toBe("Current");
  expect(luaHealth(scriptOf("MachineTask"), object).status).toBe("Degraded");
});
