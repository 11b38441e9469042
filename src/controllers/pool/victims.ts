import type { ClaimFacts, PoolFacts } from "./facts.ts";

type Policy = PoolFacts["deletePolicy"];
type Order = (a: ClaimFacts, b: ClaimFacts) => number;

const collator = new Intl.Collator("en", { numeric: true }); // web-9 before web-10

/** True goes first. */
const first =
  (of: (claim: ClaimFacts) => boolean): Order =>
  (a, b) =>
    Number(of(b)) - Number(of(a));

const oldest: Order = (a, b) => a.createdAt - b.createdAt || collator.compare(a.name, b.name);

const POLICIES: Readonly<Record<Policy, Order>> = {
  Oldest: oldest,
  Newest: (a, b) => oldest(b, a),
  // The same from every view, so that whoever repeats it picks the same.
  Random: (a, b) => scramble(a.uid) - scramble(b.uid),
};

/** Before the policy: whom somebody named, then who costs least. */
const BEFORE: readonly Order[] = [
  first(({ isNamed }) => isNamed),
  first(({ holds }) => holds === "nothing"),
  first(({ isStalled }) => isStalled),
  first(({ isReady }) => !isReady),
  first(({ change }) => change !== "none"), // it would be replaced anyhow
];

/** The claims that may be given up, in the order in which they go. */
export function inOrder(claims: readonly ClaimFacts[], policy: Policy): readonly ClaimFacts[] {
  const orders = [...BEFORE, POLICIES[policy], oldest];
  return claims
    .filter(({ isProtected }) => !isProtected)
    .toSorted((a, b) => orders.reduce((found, order) => found || order(a, b), 0));
}

/** FNV-1a, 32 bits. */
function scramble(text: string): number {
  let hash = 0x81_1c_9d_c5;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01_00_01_93) >>> 0;
  }
  return hash;
}
