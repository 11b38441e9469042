/** What the API server says that was written to it. */
import { type ApiAccess, apiRequest } from "../tools/cluster/request.ts";

/** Successful writes of ours so far, by verb and resource. */
type Writes = Readonly<Record<string, number>>;

const VERBS: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", "APPLY", "DELETE"]);

export async function apiWrites(cluster: ApiAccess, signal: AbortSignal): Promise<Writes> {
  const { body } = await apiRequest(cluster, "GET", "/metrics", undefined, signal);
  const counts: Record<string, number> = {};
  for (const line of body.split("\n")) {
    if (!line.startsWith("apiserver_request_total{")) continue;
    const label = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(line)?.[1] ?? "";
    const verb = label("verb");
    const ours = label("group") === "steelyard.dev" || label("resource") === "events";
    if (!ours || !VERBS.has(verb) || !label("code").startsWith("2")) continue;
    const sub = label("subresource");
    const what = `${verb} ${label("resource")}${sub === "" ? "" : `/${sub}`}`;
    counts[what] = (counts[what] ?? 0) + Number(line.slice(line.lastIndexOf(" ")));
  }
  return counts;
}

/** Between two looks, for each of so many objects, and of all kinds together; `except` some kinds. */
export function writesEach(
  objects: number,
  before: Writes,
  after: Writes,
  except: readonly string[] = [],
): Writes {
  const each = Object.entries(after)
    .filter(([what, now]) => !except.includes(what) && now > (before[what] ?? 0))
    .map(([what, now]) => [what, (now - (before[what] ?? 0)) / objects] as const);
  const sum = each.reduce((total, [, count]) => total + count, 0);
  return Object.fromEntries([...each, ["all", sum] as const].map(([k, n]) => [k, round(n)]));
}

const round = (n: number): number => Math.round(n * 100) / 100;
