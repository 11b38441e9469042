import type { MachineClaim, MachineClaimStatus } from "#api/machine-claim.ts";
import { findCondition } from "#kube/conditions.ts";
import type { EventText } from "#kube/events.ts";

/** Conditions whose change people want to read of in `kubectl describe`. */
const TOLD = [
  { type: "Bound", status: "True", event: "Normal" },
  { type: "Bound", status: "False", event: "Warning" },
  { type: "Ready", status: "True", event: "Normal" },
  { type: "Stalled", status: "True", event: "Warning" },
  { type: "Tainted", status: "True", event: "Warning" },
] as const;

/** Tells what has changed, once for each reason: what is only worded anew is no news. */
export function tell(
  claim: MachineClaim,
  status: MachineClaimStatus,
  event: (claim: MachineClaim, event: EventText) => void,
): void {
  const news = TOLD.flatMap(({ type, status: is, event: kind }) => {
    const now = findCondition(status.conditions, type);
    const before = findCondition(claim.status?.conditions, type);
    if (now?.status !== is || (before?.status === is && before.reason === now.reason)) return [];
    return [{ type: kind, reason: type === "Ready" ? "Ready" : now.reason, message: now.message }];
  });
  const said = new Set<string>();
  for (const one of news) {
    // Bound and Ready at once: it asked for no more than to be bound.
    if (said.has(one.reason) || (one.reason === "Ready" && said.has("Bound"))) continue;
    said.add(one.reason);
    event(claim, one);
  }
}
