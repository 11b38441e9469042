/** `metav1.Condition`. */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly observedGeneration?: number | undefined;
  /** RFC 3339, whole seconds: when `status` last changed. */
  readonly lastTransitionTime: string;
  /** CamelCase, never empty. */
  readonly reason: string;
  readonly message: string;
}

/** A condition as a controller decides it: when it came to be so is found out here. */
export type ConditionWish = Omit<Condition, "lastTransitionTime">;

/** `metav1.Time`: whole seconds. */
export const kubeTime = (now: number): string =>
  new Date(now).toISOString().replace(/\.\d{3}Z$/, "Z");

/**
 * The list with these conditions set. Each keeps its place and, while its status stays the same, its
 * time: so what did not change is no write. Conditions that are not named stay.
 */
export function setConditions(
  before: readonly Condition[] | undefined,
  wishes: readonly ConditionWish[],
  now: number,
): readonly Condition[] {
  const conditions = [...(before ?? [])];
  for (const wish of wishes) {
    const at = conditions.findIndex(({ type }) => type === wish.type);
    const old = conditions[at];
    const since = old?.status === wish.status ? old.lastTransitionTime : kubeTime(now);
    conditions.splice(at < 0 ? conditions.length : at, 1, { ...wish, lastTransitionTime: since });
  }
  return conditions;
}

/** How an object stands, for {@link standing}: at most one of the three flags is true. */
export interface Standing {
  /** What is wanted holds. */
  readonly ready?: boolean;
  /** On its way there. */
  readonly reconciling?: boolean;
  /** Not going on until something or somebody changes. */
  readonly stalled?: boolean;
  readonly reason: string;
  /** For people; cut to what a condition may hold. It stands in Ready, and in the flag that is true. */
  readonly message: string;
}

const LONGEST_MESSAGE = 1_024;

/** The three conditions that every kind of ours has, as kstatus, Argo CD and `kubectl wait` read them. */
export function standing({
  ready = false,
  reconciling = false,
  stalled = false,
  reason,
  message,
}: Standing): readonly ConditionWish[] {
  const text = message.slice(0, LONGEST_MESSAGE);
  const wish = (type: string, holds: boolean): ConditionWish => ({
    type,
    status: holds ? "True" : "False",
    reason,
    message: holds || type === "Ready" ? text : "", // kstatus shows the flag's own message
  });
  return [wish("Ready", ready), wish("Reconciling", reconciling), wish("Stalled", stalled)];
}

export const findCondition = (
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined => conditions?.find((condition) => condition.type === type);

export const isTrue = (conditions: readonly Condition[] | undefined, type: string): boolean =>
  findCondition(conditions, type)?.status === "True";
