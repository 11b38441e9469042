import { z } from "zod";

/** The condition types that we set on our kinds; `Reconciling` and `Stalled` are kstatus's. */
export const CONDITION_TYPES = ["Ready", "Reconciling", "Stalled"] as const;

/** metav1.Condition. `reason` and `message` are shown to people. */
export const Condition = z.object({
  type: z.string().max(64).describe("What this is about; each type is there once."),
  status: z
    .enum(["True", "False", "Unknown"])
    .describe("Whether it holds. Unknown: it could not be seen."),
  observedGeneration: z
    .int()
    .min(0)
    .optional()
    .describe("The generation of the spec that this was decided from."),
  lastTransitionTime: z
    .string()
    .max(32)
    .meta({ format: "date-time" })
    .describe("When status last changed."),
  reason: z
    .string()
    .min(1)
    .max(64)
    .describe("Why, in one word for programs; docs/operations.md lists them."),
  message: z.string().max(1_024).describe("Why, for people, and what to do about it."),
});
export type Condition = z.output<typeof Condition>;

/** -1, the default, tells kstatus and Argo CD that nobody looked at the object yet. */
export const ObservedGeneration = z
  .int()
  .min(-1)
  .optional()
  .describe("The generation of the spec that the status is about; -1: nobody looked yet.");

/** A list of conditions, merged by type. */
export const conditions = () =>
  z
    .array(Condition)
    .max(8)
    .optional()
    .describe("What holds now; `kubectl wait --for=condition=Ready` goes by these.")
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"] });
