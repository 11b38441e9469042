import type { Machine } from "#api/machine.ts";
import { isBlank, readRecord } from "#api/record.ts";
import { hours } from "#base/duration.ts";
import { FAILURES, Failure } from "#base/failure.ts";
import { keyOf } from "#base/object.ts";
import type { Deps, UserData } from "./deps.ts";
import { duplicateOf } from "./duplicates.ts";
import { inOrder, remembered, stateOf } from "./evidence.ts";
import { type BmcSeen, type Inputs, isKnown, type Trouble } from "./gather.ts";
import { type Learned, sumUp } from "./learn.ts";
import type { Look } from "./memory.ts";
import { profileTrouble, withProfile } from "./profile.ts";
import { claimEvidence, hasSecrets, type Wanted, wantedOn } from "./wanted.ts";

/** What was read for one reconcile. */
export interface Observed {
  readonly inputs: Inputs;
  readonly userData: UserData;
  readonly learned: Learned | null;
  readonly credentialsVersion: string | null;
  /** A stranger whose identity has to settle before it is touched. */
  readonly tooNew: boolean;
}

/** Reads everything that the plan may look at. A BMC that does not answer is a fact, not a failure. */
export async function observe(
  machine: Machine,
  deps: Deps,
  signal: AbortSignal,
  ask = true,
): Promise<Observed> {
  const now = deps.clock.now();
  const tasks = deps.tasksOf(machine);
  const record = readRecord(machine);
  const { seen, credentialsVersion } = ask ? await lookAt(machine, deps, signal) : UNREAD;
  const duplicate = duplicateOf(machine, deps.shared) ?? doubleOf(machine, seen, deps);
  const known = isKnown({ machine, record, tasks });
  const tooNew = !known && "observation" in seen && !deps.memory.isAcquainted(uidOf(machine), now);
  const memory = remembered(machine, record);
  const claim = memory.claimRef && deps.claim(memory.claimRef);
  const profile = deps.profile(machine);
  const wanted = withProfile(wantedOn(machine, memory, claim), profile);
  const userData = await userDataOf(machine, wanted, deps, signal);
  return {
    inputs: {
      machine,
      record,
      tasks,
      zone: deps.zone(machine.spec.zoneRef.name),
      wanted,
      profile: profileTrouble(machine, profile),
      image: wanted === null ? undefined : deps.image(wanted.deploy.imageRef.name),
      claim: claimEvidence(machine, claim),
      userData: "trouble" in userData ? userData.trouble : null,
      bmc: tooNew ? { unread: true } : seen,
      duplicate,
      offSince: deps.memory.offSince(uidOf(machine)),
      releases: () => releasesOf(machine, deps, now),
      now,
    },
    userData,
    learned: await learnedOf(machine, tasks, deps, signal),
    credentialsVersion,
    tooNew,
  };
}

const UNREAD: Look = { seen: { unread: true }, credentialsVersion: null };

const uidOf = ({ metadata }: Machine): string => metadata.uid;

/** Asks the BMC, unless nobody may, nothing depends on it, or it was asked just now. */
async function lookAt(machine: Machine, deps: Deps, signal: AbortSignal): Promise<Look> {
  const { spec, metadata } = machine;
  const now = deps.clock.now();
  const orphaned = metadata.deletionTimestamp !== undefined && spec.deletionPolicy === "Orphan";
  if (spec.paused || orphaned) return UNREAD;
  const view = isEdited(machine) ? null : deps.memory.view(metadata.uid, now);
  // A command that failed is no command to settle: else it is stalled and not by turns, at once.
  const failed = view !== null && "trouble" in view.seen;
  if (!failed && deps.memory.settlesIn(metadata.uid, now) > 0) return UNREAD;
  if (view !== null) return view;
  try {
    const { driver, credentialsVersion } = await deps.openBmc(machine, signal);
    await using bmc = driver;
    const look = { seen: { observation: await bmc.observe(signal) }, credentialsVersion };
    deps.memory.saw(metadata.uid, look, deps.clock.now());
    return look;
  } catch (error) {
    if (!(error instanceof Failure) || error.reason === "NotLeader") throw error;
    return { seen: { trouble: explained(error) }, credentialsVersion: null };
  }
}

/** What a BMC says is for those who know its standard: beside it stands what to do about it. */
export function explained({ reason, message }: Failure): Trouble {
  if (!reason.startsWith("Bmc")) return { reason, message };
  return { reason, message: `${message.replace(/\.$/, "")}. ${FAILURES[reason].help}` };
}

/** A person has changed something since: what was seen before may be what it is about. */
const isEdited = ({ metadata, status }: Machine): boolean =>
  !isBlank(status) && status?.observedGeneration !== metadata.generation;

/** Another machine's BMC reports the same system UUID, though no status says so yet. */
function doubleOf(machine: Machine, seen: BmcSeen, deps: Deps): Trouble | null {
  if (!("observation" in seen) || seen.observation.systemUuid === null) return null;
  const { systemUuid } = seen.observation;
  const { others, woken } = deps.memory.bears(uidOf(machine), systemUuid);
  for (const other of living(woken, deps)) deps.enqueue(other);
  const [first] = living(others, deps);
  if (first === undefined) return null;
  return {
    reason: "DuplicateIdentity",
    message: `The BMC of Machine ${keyOf(first.metadata)} reports the system UUID ${systemUuid} too. Neither is touched: check both addresses.`,
  };
}

const living = (uids: readonly string[], deps: Deps): readonly Machine[] =>
  uids.map((uid) => deps.byUid(uid)).filter((machine) => machine !== undefined);

/** The Secrets of what is to run are read only where they would be used next. */
async function userDataOf(
  { status }: Machine,
  wanted: Wanted | null,
  deps: Deps,
  signal: AbortSignal,
): Promise<UserData> {
  const { phase } = status ?? {};
  const due = phase === "Ready" || phase === "Allocated" || phase === "Deploying";
  if (wanted === null || !due || !hasSecrets(wanted)) return { hash: null };
  return deps.userData(wanted, signal);
}

/** Others of its zone that were released within the hour, planned or recorded. */
function releasesOf(machine: Machine, deps: Deps, now: number): number {
  const zone = machine.spec.zoneRef.name;
  const since = now - hours(1);
  const others = new Set(deps.memory.releasesSince(zone, since));
  for (const uid of deps.releasedSince(zone, since)) others.add(uid);
  others.delete(uidOf(machine));
  return others.size;
}

/** The inventory is read once: when the Commission that brought it has just ended. */
async function learnedOf(
  machine: Machine,
  tasks: Inputs["tasks"],
  deps: Deps,
  signal: AbortSignal,
): Promise<Learned | null> {
  const newest = inOrder(tasks).at(-1);
  const isNew = newest?.metadata.name !== machine.status?.applied?.task;
  if (newest?.spec.type !== "Commission" || stateOf(newest) !== "Succeeded" || !isNew) return null;
  const inventory = await deps.inventory(machine, signal);
  return inventory === null ? null : sumUp(inventory);
}
