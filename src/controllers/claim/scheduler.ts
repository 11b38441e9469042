import type { HardwareProfile } from "#api/hardware-profile.ts";
import type { Machine } from "#api/machine.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import type { OSImage } from "#api/os-image.ts";
import type { Zone } from "#api/zone.ts";
import { seconds } from "#base/duration.ts";
import { type KubeObject, keyOf } from "#base/object.ts";
import { Candidates } from "#controllers/candidates.ts";
import { claimOf } from "#controllers/machine/evidence.ts";
import type { Cache } from "#kube/cache.ts";
import type { Candidate } from "#placement/candidate.ts";
import { explain, remedy } from "#placement/explain.ts";
import { type Outcome, place } from "#placement/place.ts";
import { admits, type Request, requestOf } from "#placement/request.ts";
import type { Placed } from "#placement/spread.ts";

export interface SchedulerCaches {
  readonly claims: Cache<MachineClaim>;
  readonly machines: Cache<Machine>;
  readonly zones: Cache<Zone>;
  readonly images: Cache<OSImage>;
  readonly profiles: Cache<HardwareProfile>;
  readonly namespaces: Cache<KubeObject>;
}

/** Why a claim waits, in words. */
export interface Waiting {
  readonly message: string;
  /** No machine that there is will ever do. */
  readonly isHopeless: boolean;
}

interface Promised {
  readonly claim: MachineClaim;
  readonly machine: Machine;
}

const GOES_ON = seconds(1);

/** Index values of claims: see CLAIM_INDEXES. */
export const WAITING = "waiting";

/**
 * Sees all waiting claims at once and promises them machines; each claim's own reconcile carries the
 * promise out. Promises are kept in memory alone: whoever forgets them makes others, and the lock on
 * the Machine decides.
 */
export class Scheduler {
  readonly #caches: SchedulerCaches;
  readonly #wake: (claimKey: string, isNews: boolean) => void;
  /** By the claim's UID. */
  readonly #promises = new Map<string, Promised>();
  readonly #waiting = new Map<string, Waiting>();
  /** resourceVersions of Machines that could not be bound: our view of them was old. */
  readonly #stale = new Map<string, string>();
  #takenBack = false;
  #keptAt = Number.NEGATIVE_INFINITY;
  readonly #monotonic: () => number;
  readonly #candidates: Candidates;

  /**
   * `wake` says that a claim has news: at once, or (its place in the queue changed) at leisure.
   * `monotonic`: milliseconds that never go back.
   */
  constructor(
    caches: SchedulerCaches,
    wake: (claimKey: string, isNews: boolean) => void,
    monotonic: () => number,
  ) {
    this.#caches = caches;
    this.#candidates = new Candidates(caches.profiles);
    this.#wake = wake;
    this.#monotonic = monotonic;
  }

  /** Promises are being carried out: there are some, and it goes on. One that is stuck holds up nobody. */
  get isBinding(): boolean {
    return this.#promises.size > 0 && this.#monotonic() - this.#keptAt < GOES_ON;
  }

  /** A promise could not be carried out since the last pass: whoever it was for waits for another. */
  get hasTakenBack(): boolean {
    return this.#takenBack;
  }

  /** Whether anybody waits: else nothing that happens to machines is of interest. */
  get isNeeded(): boolean {
    return this.#caches.claims.by(WAITING, WAITING).length > 0;
  }

  promised(claimUid: string): Machine | undefined {
    return this.#promises.get(claimUid)?.machine;
  }

  verdict(claimUid: string): Waiting | undefined {
    return this.#waiting.get(claimUid);
  }

  /** The promise was carried out. */
  kept(claimUid: string): void {
    this.#keptAt = this.#monotonic();
    this.#promises.delete(claimUid);
    this.#waiting.delete(claimUid);
  }

  /** It could not be: the machine has changed meanwhile. It is not promised again as it was then. */
  takeBack(claimUid: string): void {
    const promise = this.#promises.get(claimUid);
    this.#promises.delete(claimUid);
    if (promise === undefined) return;
    this.#takenBack = true;
    const { uid, resourceVersion } = promise.machine.metadata;
    this.#stale.set(uid, resourceVersion);
  }

  candidate(machine: Machine): Candidate {
    return this.#candidates.of(machine);
  }

  /** One pass over all who wait. */
  pass(): void {
    this.#takenBack = false;
    this.#candidates.refresh();
    const claims = this.#caches.claims.by(WAITING, WAITING).filter((claim) => this.#waits(claim));
    this.#forgetOthers(claims);
    const open = claims.filter(({ metadata }) => !this.#promises.has(metadata.uid));
    const requests = this.#requests(open);
    if (requests.length === 0) return;
    const machines = this.#machines();
    const reserved = new Set(
      [...this.#promises.values()].map(({ machine }) => machine.metadata.uid),
    );
    const placed = this.#placed(claims);
    this.#tell(open, place({ requests, machines, placed, reserved }));
  }

  #waits({ metadata }: MachineClaim): boolean {
    return this.#caches.machines.by("claim", metadata.uid).length === 0;
  }

  /** Drops what was promised or said to claims that wait no longer, and promises that do not hold. */
  #forgetOthers(claims: readonly MachineClaim[]): void {
    const there = new Map(claims.map((claim) => [claim.metadata.uid, claim]));
    for (const uid of this.#waiting.keys()) if (!there.has(uid)) this.#waiting.delete(uid);
    for (const [uid, { claim, machine }] of this.#promises) {
      const now = this.#caches.machines.get(keyOf(machine.metadata));
      const same = there.get(uid)?.metadata.generation === claim.metadata.generation;
      if (!same || now === undefined || !this.#isFree(now)) this.#promises.delete(uid);
    }
  }

  #isFree(machine: Machine): boolean {
    return this.candidate(machine).availability === "free";
  }

  #requests(claims: readonly MachineClaim[]): readonly Request[] {
    const open = new Map<string, ReadonlySet<string>>();
    return claims.flatMap((claim) => {
      const { namespace = "" } = claim.metadata;
      const zones = open.get(namespace) ?? this.#zonesFor(namespace);
      open.set(namespace, zones);
      const { deploy } = claim.spec;
      const image = deploy && this.#caches.images.get(deploy.imageRef.name);
      // A machine would wait, held, for an image that may never come: the claim says so instead.
      if (deploy !== undefined && image === undefined) return [];
      return [requestOf(claim, zones, image)];
    });
  }

  #zonesFor(namespace: string): ReadonlySet<string> {
    const labels = this.#caches.namespaces.get(namespace)?.metadata.labels;
    const open = [...this.#caches.zones.list()].filter((zone) => admits(zone, namespace, labels));
    return new Set(open.map(({ metadata }) => metadata.name));
  }

  #machines(): readonly Candidate[] {
    return Array.from(this.#caches.machines.list(), (machine) => {
      const { uid, resourceVersion } = machine.metadata;
      const candidate = this.candidate(machine);
      if (this.#stale.get(uid) === resourceVersion && candidate.availability === "free") {
        return { ...candidate, availability: "notReady" };
      }
      this.#stale.delete(uid);
      return candidate;
    });
  }

  /** Where claims are, if anybody asks: who spreads looks at those that are placed already. */
  #placed(claims: readonly MachineClaim[]): readonly Placed[] {
    if (!claims.some(({ spec }) => spec.topologySpread !== undefined)) return [];
    const promised = [...this.#promises.values()].map(({ claim, machine }) =>
      placedOn(claim, this.candidate(machine)),
    );
    const bound = Array.from(this.#caches.machines.list(), (machine) => {
      const claimRef = claimOf(machine);
      const claim = claimRef && this.#caches.claims.get(keyOf(claimRef));
      const holds = claim !== undefined && claim.metadata.uid === claimRef?.uid;
      return holds ? [placedOn(claim, this.candidate(machine))] : [];
    });
    return [...promised, ...bound.flat()];
  }

  #tell(claims: readonly MachineClaim[], { assigned, waiting, queued }: Outcome): void {
    for (const claim of claims) {
      const { uid } = claim.metadata;
      const key = keyOf(claim.metadata);
      const candidate = assigned.get(uid);
      const machine = candidate && this.#caches.machines.get(candidate.key);
      if (machine !== undefined) {
        this.#promises.set(uid, { claim, machine });
        this.#wake(key, true);
        continue;
      }
      const verdict = waiting.get(uid);
      if (verdict === undefined) continue;
      const isHopeless = verdict.place === null;
      const what = isHopeless
        ? `Waiting does not help: ${remedy(verdict)}`
        : `Number ${verdict.place} of ${queued} that wait.`;
      const message = `${explain(verdict)} ${what}`;
      const before = this.#waiting.get(uid);
      if (before?.message === message) continue;
      this.#waiting.set(uid, { message, isHopeless });
      this.#wake(key, before?.isHopeless !== isHopeless);
    }
  }
}

const placedOn = ({ metadata }: MachineClaim, machine: Candidate): Placed => ({
  namespace: metadata.namespace ?? "",
  labels: metadata.labels ?? {},
  machine,
});
