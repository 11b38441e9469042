/** Two ways to get a system onto the same machine, beside each other. Pure. */

export interface Place {
  /** ISO 8601, UTC. */
  readonly measuredAt: string;
  readonly machine: string;
}

export interface Measured extends Place {
  /** From power-on to what was noted first of each text. */
  readonly seconds: Readonly<Record<string, number>>;
}

/** What both come to, by how each says it. */
const MILESTONES = [
  { what: "inventory taken", ours: /: step Inventory Succeeded/, theirs: /^AGENT inventory/ },
  { what: "image and seed written", ours: /^Deploy \d+: Written/, theirs: /^SEED written/ },
  { what: "system up", ours: /cloud-init.* finished/i, theirs: /^Cloud-init.*finished/ },
];

/** Of the same day, on the same machine. */
export const isComparable = (one: Place, other: Place): boolean =>
  one.machine === other.machine && dayOf(one) === dayOf(other);

const dayOf = ({ measuredAt }: Place): string => measuredAt.slice(0, 10);

/** The marks that the reference's vm.py prints. */
export const marksOf = (printed: string): Record<string, number> =>
  Object.fromEntries(
    [...printed.matchAll(/^\s*([\d.]+)s {2}(.+)$/gm)].map(([, at, mark]) => [mark, Number(at)]),
  );

/** The reference's timeline and, where ours is there, what we take of its time. */
export function compared(ours: Measured | null, theirs: Measured): string {
  const lines = Object.entries(theirs.seconds).map(([mark, at]) => `${column(at)} s  ${mark}`);
  return [
    `reference (shell, dnsmasq, no operator) of ${theirs.measuredAt}, ${theirs.machine}`,
    ...lines,
    ...(ours === null ? ["ours: the deploy test did not pass here today"] : beside(ours, theirs)),
  ].join("\n");
}

function beside(ours: Measured, theirs: Measured): readonly string[] {
  const rows = MILESTONES.map(({ what, ...say }) => {
    const [a, b] = [firstOf(ours, say.ours), firstOf(theirs, say.theirs)];
    const ratio = a === undefined || b === undefined ? "-" : (a / b).toFixed(2);
    return `${column(a)} ${column(b)} ${ratio.padStart(8)}  ${what}`;
  });
  return ["    ours      ref ours/ref  seconds from power-on; below 1 is faster", ...rows];
}

function firstOf({ seconds }: Measured, text: RegExp): number | undefined {
  const times = Object.entries(seconds).filter(([noted]) => text.test(noted));
  return times.map(([, at]) => at).toSorted((a, b) => a - b)[0];
}

const column = (seconds: number | undefined): string => (seconds?.toFixed(1) ?? "-").padStart(8);
