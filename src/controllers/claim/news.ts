/** Which changes of claims and Machines are news for the controller of Machines. */
import type { Machine } from "#api/machine.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import { type KubeObject, keyOf } from "#base/object.ts";
import type { Cache } from "#kube/cache.ts";

type Changes<T extends KubeObject> = Pick<Cache<T>, "synced" | "onChange">;
type IsNews<T> = (now: T | undefined, before: T | undefined) => boolean;

function heeding<T extends KubeObject>(cache: Changes<T>, isNews: IsNews<T>): Changes<T> {
  return {
    synced: (signal) => cache.synced(signal),
    onChange: (listener) =>
      cache.onChange((key, now, before) => {
        if (isNews(now, before)) listener(key, now, before);
      }),
  };
}

/** What a claim orders: its spec, its deletion, and that it says which Machine it holds. */
export const ordersOf = (claims: Changes<MachineClaim>): Changes<MachineClaim> =>
  heeding(
    claims,
    (now, before) =>
      now?.metadata.generation !== before?.metadata.generation ||
      now?.metadata.deletionTimestamp !== before?.metadata.deletionTimestamp ||
      now?.status?.machineRef?.uid !== before?.status?.machineRef?.uid,
  );

/**
 * A Machine that was bound just now is looked at when its claim says so, too: before, nothing would be
 * done to it, and others wait to be bound.
 */
export const exceptJustBound = (
  machines: Changes<Machine>,
  claims: Pick<Cache<MachineClaim>, "get">,
): Changes<Machine> =>
  heeding(machines, (now, before) => {
    const claimRef = now?.status?.claimRef;
    if (before === undefined || claimRef === undefined || before.status?.claimRef !== undefined) {
      return true;
    }
    const claim = claims.get(keyOf(claimRef));
    return claim?.metadata.uid !== claimRef.uid || claim.status?.machineRef !== undefined;
  });
