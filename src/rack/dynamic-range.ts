import { zoneNamespace } from "#api/group.ts";
import type { Zone } from "#api/zone.ts";
import { hours } from "#base/duration.ts";
import type { Cache } from "#kube/cache.ts";
import { Elector, type ElectorOptions } from "#kube/leader.ts";
import { LEASES, type Lease } from "#kube/lease.ts";
import type { Leases } from "#netboot/dhcp/leases.ts";
import { slicesOf } from "./site.ts";

export interface DynamicDeps
  extends Pick<ElectorOptions, "client" | "clock" | "monotonic" | "random" | "log" | "metrics"> {
  readonly zone: string;
  readonly rack: string;
  readonly zones: Cache<Zone>;
  readonly leases: Leases;
  /** The file of leases was not there. */
  readonly isFileLost: boolean;
}

/** The longest dynamic lease. */
const QUARANTINE = hours(1);

/**
 * One rack of a zone gives its dynamic addresses, by a Lease. (Later the operator grants each rack
 * a slice of its own.) Who takes over from another, or has lost its book, gives none for as long as
 * somebody may hold one that it does not know of.
 */
export class DynamicRange {
  readonly #deps: DynamicDeps;
  #elector: Elector | null = null;
  /** Of the reign that goes on: whose leases there may be was found out. */
  #isJudged = false;
  /** Nothing that this rack gave is forgotten. */
  #hasBook: boolean;

  constructor(deps: DynamicDeps) {
    this.#deps = deps;
    this.#hasBook = !deps.isFileLost;
  }

  isHeld(): boolean {
    return this.#isJudged && (this.#elector?.isLeader() ?? false);
  }

  /** Ends with the signal. Stands for nothing while the zone has no dynamic range. */
  async run(signal: AbortSignal): Promise<void> {
    const { zone, zones } = this.#deps;
    await zones.synced(signal);
    const wanted = new AbortController();
    const off = zones.onChange((_, object) => {
      if (object?.metadata.name === zone && hasRange(object)) wanted.abort();
    });
    await aborted(AbortSignal.any([signal, wanted.signal]));
    off();
    if (!signal.aborted) await this.#stand(signal);
  }

  async #stand(signal: AbortSignal): Promise<void> {
    const { client, clock, monotonic, random, log, metrics, rack, zone } = this.#deps;
    const lease = { namespace: zoneNamespace(zone), name: `dhcp-${zone}-dynamic` };
    const read = (limited: AbortSignal) =>
      client.get<Lease>(LEASES, lease, limited).catch(() => undefined);
    let before = await read(signal);
    const identity = `${rack}_${Math.floor(random() * 2 ** 32).toString(36)}`;
    const options = { client, clock, monotonic, random, log, metrics };
    this.#elector = new Elector({ ...options, lease, identity });
    await this.#elector.run(async (leads) => {
      const won = await read(leads);
      const isOurs = before === null || (this.#hasBook && isOf(rack, before));
      if (!isOurs || !isNext(before, won)) this.#quarantine();
      before = won;
      this.#hasBook = true; // from here on it is in memory
      this.#isJudged = true;
      log.info({ lease: lease.name }, "this rack gives the zone's dynamic addresses");
      await aborted(leads);
      this.#isJudged = false;
    }, signal);
  }

  #quarantine(): void {
    const { zone, zones, leases, clock, log } = this.#deps;
    const until = clock.now() + QUARANTINE;
    for (const subnet of zones.get(zone)?.spec.subnets ?? []) {
      for (const slice of slicesOf(subnet)) leases.quarantine(slice, until);
    }
    log.warn(
      { minutes: QUARANTINE / 60_000 },
      "no dynamic addresses until old leases have run out",
    );
  }
}

/** What was read of the Lease. `null`: there was none, `undefined`: it could not be read. */
type Seen = Lease | null | undefined;

/** Whether an earlier process of this rack, or this one, held it. */
const isOf = (rack: string, lease: Seen): boolean =>
  lease?.spec.holderIdentity?.startsWith(`${rack}_`) ?? false;

/** Whether nobody held it between these two looks, the second of which is at our win. */
function isNext(before: Seen, won: Seen): boolean {
  if (before === undefined || won === undefined || won === null) return false;
  const { holderIdentity, leaseTransitions = 0 } = won.spec;
  if (before === null) return leaseTransitions === 0;
  const isKept = before.spec.holderIdentity === holderIdentity;
  return leaseTransitions === (before.spec.leaseTransitions ?? 0) + (isKept ? 0 : 1);
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });

const hasRange = ({ spec }: Zone): boolean =>
  spec.subnets?.some(({ dhcp, ranges }) => dhcp === "Server" && ranges?.dynamic?.length) ?? false;
