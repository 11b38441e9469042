import type { FailureReason } from "#base/failure.ts";
import type { Facts, Task } from "./facts.ts";

/** How often a task is tried until the machine is given up as Broken. */
export const ATTEMPTS = 3;

export const isLive = (task: Task | null): boolean =>
  task !== null && ["Pending", "Running", "Written"].includes(task.state);

const active = ({ want }: Facts): boolean =>
  !want.deleted && (want.mode === "Active" || want.mode === "Cordoned");
const free = ({ saw }: Facts): boolean => saw.holder === "none";
const held = ({ saw }: Facts): boolean => saw.holder === "claim" || saw.holder === "static";
const erased = ({ saw }: Facts): boolean => saw.disk === "erased" && !isLive(saw.task);
const half = ({ saw }: Facts): boolean => typeof saw.disk === "object" && saw.disk.image === null;
const whole = ({ saw }: Facts): boolean => typeof saw.disk === "object" && saw.disk.image !== null;

/** Applied by us or adopted with what is on it, and somebody holds it. */
export const isOccupied = (facts: Facts): boolean =>
  held(facts) &&
  !ordered(facts) &&
  (whole(facts) || (facts.saw.disk === "foreign" && facts.want.adoption === "Adopt"));

/** The task of this stay, if it ended well. */
const done = ({ epoch, saw }: Facts): boolean =>
  saw.task?.epoch === epoch && saw.task.state === "Succeeded";

/**
 * Was a release ordered? Somebody's word, seen; never the absence of a holder. The nonce means nothing
 * where nobody holds the machine and nothing of ours is on it: what was there before has spec.adoption.
 */
export const ordered = (facts: Facts): boolean =>
  facts.saw.order !== null ||
  (facts.want.asked.includes("release") && (!free(facts) || whole(facts)));

/** Is there a word that allows to erase this disk: a release, a Wipe; or did we leave it half done? */
export const mayErase = (facts: Facts): boolean =>
  !facts.want.protected &&
  (ordered(facts) ||
    (facts.saw.disk === "foreign" && facts.want.adoption === "Wipe") ||
    (free(facts) && half(facts)));

/** What was there before us is written over on one word alone, whoever orders a deploy. */
export const mayWrite = ({ want, saw }: Facts): boolean =>
  saw.disk !== "foreign" || want.adoption === "Wipe";

const imageWanted = (facts: Facts): boolean =>
  facts.want.trouble === null &&
  active(facts) &&
  held(facts) &&
  !ordered(facts) &&
  facts.want.image !== null;

/** Questions that an exit may ask. Each looks at {@link Facts} alone; doubt answers no. */
export const GUARDS = {
  deletable: (facts) =>
    facts.want.deleted &&
    (facts.want.deletionPolicy === "Orphan" ||
      facts.saw.disk === "erased" ||
      (facts.saw.disk === "foreign" && facts.want.adoption !== "Wipe" && free(facts))),
  eraseFirst: (facts) =>
    facts.want.deleted &&
    facts.want.deletionPolicy === "Decommission" &&
    mayErase(facts) &&
    (!held(facts) || ordered(facts)) &&
    !facts.saw.brake,
  released: (facts) =>
    ordered(facts) &&
    mayErase(facts) &&
    !facts.saw.brake &&
    !erased(facts) &&
    (!free(facts) || whole(facts)),

  /** The status was lost while its disks were erased, and what is left of the order is to be free. */
  releaseDone: (facts) => active(facts) && ordered(facts) && erased(facts),

  breakWanted: ({ want }) => want.mode === "Broken",
  retireWanted: (facts) => facts.want.mode === "Retired" && free(facts) && !facts.want.deleted,
  rescueWanted,
  /** A stranger that is on runs somebody's work, perhaps, and is not taken from under it. */
  rescueOfAcquaintance: (facts) =>
    rescueWanted(facts) && (facts.saw.known || facts.saw.running === "nothing"),

  /** Nothing is known of it: it may run somebody's work, unless it is off or a person says Wipe. */
  enrolled: (facts) =>
    unfinished(facts) &&
    facts.want.trouble === null &&
    (facts.saw.known || facts.saw.running === "nothing" || facts.want.adoption === "Wipe"),
  /** Nobody's, or held by the spec with nothing of ours on it: look at it (again). */
  unfinished,
  /** Nobody has looked yet at what is on its disks, or what was found there is nobody's. */
  unseen: (facts) =>
    unfinished(facts) && (facts.saw.disk === "unknown" || facts.saw.disk === "foreign"),
  occupied: (facts) => active(facts) && isOccupied(facts),
  unapplied,

  doneUnapplied: (facts) => done(facts) && half(facts) && unapplied(facts),
  doneErased: (facts) => done(facts) && erased(facts),
  doneErasable: (facts) => done(facts) && mayErase(facts) && !facts.saw.brake,
  doneOccupied: (facts) => done(facts) && isOccupied(facts),
  done,
  erased,
  unusable: (facts) => free(facts) && half(facts),
  givenUp: ({ epoch, saw }) =>
    saw.task?.epoch === epoch &&
    !isLive(saw.task) &&
    saw.task.state !== "Succeeded" &&
    saw.task.attempt >= ATTEMPTS,

  claimed: (facts) =>
    facts.saw.holder === "claim" &&
    !ordered(facts) &&
    facts.want.mode === "Active" &&
    erased(facts),
  /** Nothing was written for its holder, who is gone or going. */
  unbound: (facts) => erased(facts) && (free(facts) || ordered(facts)),
  imageWanted,
  /** Its holder's image once more, by order. */
  deployAnew: (facts) => imageWanted(facts) && mayWrite(facts),
  /** The claim asks for another image than the one that is there, and allows to write it. */
  reinstallWanted: (facts) =>
    imageWanted(facts) &&
    facts.want.reinstall &&
    !facts.want.protected &&
    whole(facts) &&
    !isImage(facts.saw.disk, facts.want.image),
  ownImageWanted: (facts) => imageWanted(facts) && facts.saw.holder === "static" && erased(facts),
  /** The order to release was taken back, and something of ours is on the disks. */
  takenBack: (facts) => imageWanted(facts) && half(facts),
  rescueOver: (facts) => active(facts) && free(facts),
} as const satisfies Record<string, (facts: Facts) => boolean>;

const isImage = (disk: Facts["saw"]["disk"], image: string | null): boolean =>
  typeof disk === "object" && disk.image === image;

function rescueWanted({ want }: Facts): boolean {
  return want.mode === "Rescue" && !want.deleted;
}

/** Held, and its image was not (wholly) applied yet. */
function unapplied(facts: Facts): boolean {
  return active(facts) && held(facts) && !ordered(facts) && (half(facts) || erased(facts));
}

function unfinished(facts: Facts): boolean {
  return (
    active(facts) &&
    (free(facts) || facts.saw.holder === "static" || isLostToClaim(facts)) &&
    !isOccupied(facts) &&
    !whole(facts) &&
    !ordered(facts)
  );
}

/** A claim's, but what was done for it is lost. To look again is safe where no system runs. */
const isLostToClaim = ({ saw }: Facts): boolean =>
  saw.holder === "claim" &&
  saw.disk === "unknown" &&
  (saw.running === "nothing" || saw.running === "agent");

export type Guard = keyof typeof GUARDS;

/** Not the machine that was learned: by what the BMC says, or by what came up when we booted it. */
export const isAnother = ({ saw }: Facts): boolean =>
  saw.identity === "changed" || saw.task?.conflict === true;

/** Why nothing at all may be done to the machine, whatever its phase; `null`: go on. */
export function doubt(facts: Facts): FailureReason | null {
  const { phase, want, saw } = facts;
  if (saw.duplicate !== null) return saw.duplicate;
  if (isAnother(facts) && !want.asked.includes("acceptHardware")) return "IdentityChanged";
  const unowned = free(facts) && (whole(facts) || phase === "Deploying" || phase === "Deployed");
  if (saw.holder !== "unknown" && !(unowned && !erased(facts))) return null;
  const settled = want.asked.includes("release") && !want.protected;
  return settled && (phase === "Releasing" || !saw.brake) ? null : "ClaimLost";
}
