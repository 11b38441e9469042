/** What claims are made of, and how one differs from it. */
import { POOL_LABEL, TEMPLATE_HASH_LABEL } from "#api/group.ts";
import { type MachineClaim, MachineClaimSpec } from "#api/machine-claim.ts";
import type { MachinePool } from "#api/machine-pool.ts";
import { type JsonSchema, structural } from "#api/structural.ts";
import { isSame } from "#base/same.ts";
import { mergePatchOf } from "#kube/merge-patch.ts";
import type { Change } from "./facts.ts";

const SCHEMA = structural(MachineClaimSpec);

/** What follows the template at once: it concerns no machine that is held. */
const FOLLOWS = ["priority", "tolerations"] as const;
/** What no template change is rolled out for: it concerns claims to come, or the strategy. */
const STANDS = ["machineRef", "adoptBound", "updateStrategy", "topologySpread", "protected"];

type Fields = Readonly<Record<string, unknown>>;

/**
 * The part of a claim's spec that is rolled out, without what says nothing: defaults, and fields
 * that this version does not know. So neither a new field with a default nor an API server that is
 * newer than the operator makes a pool look changed.
 */
function essence(spec: MachineClaimSpec): Fields {
  const rolled = Object.entries(fieldsOf(lean(spec, SCHEMA)));
  return Object.fromEntries(rolled.filter(([field]) => !LEFT.has(field)));
}

function wantedOf(pool: MachinePool): Fields {
  const known = WANTED.get(pool) ?? essence(pool.spec.template.spec);
  WANTED.set(pool, known);
  return known;
}

/** Compared with each of a pool's claims. */
const WANTED = new WeakMap<MachinePool, Fields>();

const LEFT: ReadonlySet<string> = new Set([...FOLLOWS, ...STANDS]);

/** The value of the label steelyard.dev/template-hash. */
export const templateHash = (pool: MachinePool, hash: (text: string) => string): string =>
  hash(JSON.stringify(sorted(wantedOf(pool)))).slice(0, 10);

/** What it takes to make the claim as the template says. */
export function changeOf(claim: MachineClaim, pool: MachinePool, hash: string): Change {
  // By the label, who edited a claim by hand is left alone; by the contents, one that was adopted.
  if (claim.metadata.labels?.[TEMPLATE_HASH_LABEL] === hash) return "none";
  const { deploy: here, ...hardware } = essence(claim.spec);
  const { deploy: wanted, ...needed } = wantedOf(pool);
  if (!isSame(hardware, needed)) return "machine";
  if (isSame(here, wanted)) return "none";
  // A machine is deployed anew for another image alone: for whatever else, there is a new claim.
  return imageOf(wanted) === undefined || isSame(imageOf(here), imageOf(wanted))
    ? "machine"
    : "deploy";
}

const imageOf = (deploy: unknown): unknown => fieldsOf(deploy)["imageRef"];

/** The labels that the claims of a pool have, besides the template's. */
const labelsOf = (pool: MachinePool, hash: string): Readonly<Record<string, string>> => ({
  ...pool.spec.template.metadata?.labels,
  [POOL_LABEL]: pool.metadata.name,
  [TEMPLATE_HASH_LABEL]: hash,
});

/** Metadata and spec of a new claim. */
export function claimOf(pool: MachinePool, hash: string) {
  const { metadata = {}, spec } = pool.spec.template;
  return {
    labels: labelsOf(pool, hash),
    annotations: metadata.annotations ?? {},
    spec: { ...spec, ...(isInPlace(pool) && REINSTALL) },
  };
}

/** The patch that has the machine of a claim deployed anew. */
export const reinstallPatch = (claim: MachineClaim, pool: MachinePool, hash: string): object => ({
  metadata: { labels: { [TEMPLATE_HASH_LABEL]: hash } },
  spec: {
    ...REINSTALL,
    deploy: mergePatchOf(claim.spec.deploy ?? {}, pool.spec.template.spec.deploy ?? {}) ?? {},
  },
});

const REINSTALL = { updateStrategy: "Reinstall" } as const;

const isInPlace = ({ spec }: MachinePool): boolean => spec.strategy?.type === "Reinstall";

/**
 * The patch for what follows the template at once; null: nothing differs. A claim that was adopted
 * has no hash: it is somebody else's, in Git perhaps, and stays as it was written.
 */
export function syncPatch(
  claim: MachineClaim,
  pool: MachinePool,
  hash: string,
  change: Change,
): object | null {
  const { labels = {}, annotations = {} } = claim.metadata;
  const own = labels[TEMPLATE_HASH_LABEL];
  if (own === undefined) return null;
  const template = pool.spec.template;
  const metadata = {
    labels: missing(labels, labelsOf(pool, change === "none" ? hash : own)),
    annotations: missing(annotations, template.metadata?.annotations ?? {}),
  };
  const spec = mergePatchOf(followed(claim.spec), followed(template.spec));
  const changes = mergePatchOf({}, metadata);
  const found = { ...(hasFields(changes) && { metadata: changes }), ...(spec && { spec }) };
  return Object.keys(found).length === 0 ? null : found;
}

const followed = (spec: MachineClaimSpec): object =>
  Object.fromEntries(FOLLOWS.map((field) => [field, spec[field]]));

/** Labels that are there and that the template does not know are left: they may be anybody's. */
const missing = (
  here: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): object | undefined => {
  const found = Object.entries(wanted).filter(([key, value]) => here[key] !== value);
  return found.length === 0 ? undefined : Object.fromEntries(found);
};

const hasFields = (value: object | undefined): boolean =>
  value !== undefined && Object.keys(value).length > 0;

/** The value without defaults, without fields that the schema does not know, without empty ones. */
function lean(value: unknown, schema: JsonSchema): unknown {
  if (Array.isArray(value)) return value.map((item) => lean(item, fieldsOf(schema["items"])));
  if (!isFields(value)) return value;
  const known = schema["properties"];
  if (!isFields(known)) return value; // a map: every key counts
  const kept = Object.entries(known)
    .map(([field, of]) => ({ field, of: fieldsOf(of), found: value[field] }))
    .filter(({ of, found }) => found !== undefined && !isSame(found, of["default"]))
    .map(({ field, of, found }): [string, unknown] => [field, lean(found, of)])
    .filter(([, found]) => !isEmpty(found));
  return Object.fromEntries(kept);
}

/** With its keys in order, so that the same makes the same text. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isFields(value)) return value;
  const entries = Object.entries(value).map(([key, of]): [string, unknown] => [key, sorted(of)]);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const isEmpty = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const fieldsOf = (value: unknown): Fields => (isFields(value) ? value : {});
