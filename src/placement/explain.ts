import { REASONS, type Reason } from "./filter.ts";
import type { Verdict } from "./place.ts";

/** Why a claim waits, in a sentence; the most frequent reason first. */
export function explain({ counts, machines }: Pick<Verdict, "counts" | "machines">): string {
  if (machines === 0) return "There are no machines.";
  const parts = [...counts]
    .filter(([, count]) => count > 0)
    .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
    .map(
      ([reason, count]) => `${count} ${count === 1 ? REASONS[reason].one : REASONS[reason].many}`,
    );
  const fit = machines === 1 ? "0 of 1 machine fits" : `0 of ${machines} machines fit`;
  return `${fit}: ${parts.join(", ")}.`;
}

/** No machine that there is will ever do: waiting does not help. */
export const isHopeless = ({ counts }: Pick<Verdict, "counts">): boolean =>
  ![...counts].some(([reason, count]) => count > 0 && REASONS[reason as Reason].passes);
