import { REASONS, type Reason } from "./filter.ts";
import type { Verdict } from "./place.ts";

type Counts = Pick<Verdict, "counts">;
type Told = Pick<Verdict, "counts" | "machines" | "named">;

/** Why a claim waits, in a sentence; the most frequent reason first. */
export function explain({ counts, machines, named }: Told): string {
  if (machines === 0)
    return named === null ? "There are no machines." : `There is no Machine ${named}.`;
  const parts = byFrequency(counts).map(
    ([reason, count]) => `${count} ${count === 1 ? REASONS[reason].one : REASONS[reason].many}`,
  );
  const fit = machines === 1 ? "0 of 1 machine fits" : `0 of ${machines} machines fit`;
  return `${fit}: ${parts.join(", ")}.`;
}

/** What to do about a claim that waits in vain, by the most frequent reason. */
export function remedy({ counts, machines, named }: Told): string {
  if (machines === 0) {
    return named === null ? "enrol machines." : "correct spec.machineRef, or enrol that Machine.";
  }
  const [reason] = byFrequency(counts)[0] ?? [];
  return (reason && REASONS[reason].help) ?? "enrol machines that fit.";
}

/** No machine that there is will ever do: waiting does not help. */
export const isHopeless = ({ counts }: Counts): boolean =>
  byFrequency(counts).every(([reason]) => REASONS[reason].help !== null);

const byFrequency = (counts: Verdict["counts"]): readonly (readonly [Reason, number])[] =>
  [...counts].filter(([, count]) => count > 0).sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
