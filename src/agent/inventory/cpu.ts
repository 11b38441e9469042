import type { Inventory } from "#api/machine-inventory.ts";

/** Reads what `lscpu` prints, old (flat) and new (indented). */
export function parseLscpu(text: string): Inventory["cpu"] & { readonly architecture: string } {
  const values = fields(text);
  const count = (key: string): number | undefined => {
    const value = Number.parseInt(values.get(key) ?? "", 10);
    return Number.isNaN(value) ? undefined : value;
  };
  const sockets = count("Socket(s)");
  const perSocket = count("Core(s) per socket") ?? count("Core(s) per cluster");
  const numaNodes = count("NUMA node(s)");
  const model = values.get("Model name");
  return {
    architecture: architectureOf(values.get("Architecture") ?? ""),
    ...(model === undefined || model === "" || model === "-" ? {} : { model }),
    ...(sockets === undefined ? {} : { sockets }),
    ...(perSocket === undefined ? {} : { cores: perSocket * (sockets ?? 1) }),
    threads: count("CPU(s)") ?? 0,
    ...(numaNodes === undefined ? {} : { numaNodes }),
  };
}

/** The first line of each name counts. */
function fields(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    const key = line.slice(0, Math.max(0, colon)).trim();
    if (colon > 0 && !values.has(key)) values.set(key, line.slice(colon + 1).trim());
  }
  return values;
}

/** As Go, Debian and OSImages name it. */
function architectureOf(machine: string): string {
  const names: Readonly<Record<string, string>> = { x86_64: "amd64", aarch64: "arm64" };
  return names[machine] ?? machine;
}
