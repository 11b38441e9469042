import { globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

interface Row {
  /** Modules of ours; a module may always import itself. */
  readonly modules: readonly string[];
  /** Packages whose values it may import ("node:" stands for all of Node); types are free. */
  readonly packages: readonly string[];
}

/** The module graph, lowest first: a module may import what its row names, and nothing else. */
const MAY_IMPORT: Readonly<Record<string, Row>> = {
  base: { modules: [], packages: ["pino"] }, // log.ts alone
  lifecycle: { modules: ["base"], packages: [] }, // pure
  api: { modules: ["base", "lifecycle"], packages: ["zod"] }, // pure
  placement: { modules: ["base", "api"], packages: [] }, // pure
  kube: {
    modules: ["base"],
    packages: ["node:", "@kubernetes/client-node", "undici", "prom-client"],
  },
  bmc: { modules: ["base", "bmc/redfish", "bmc/ipmi"], packages: ["node:"] }, // open.ts reaches down
  "bmc/redfish": {
    modules: ["base", "bmc"],
    packages: ["node:", "redfish-client", "undici", "zod"],
  },
  "bmc/ipmi": { modules: ["base", "bmc"], packages: ["node:"] },
  "netboot/socket": { modules: ["base"], packages: ["node:", "koffi"] },
  "netboot/dhcp": { modules: ["base", "netboot/socket"], packages: ["node:"] },
  "netboot/tftp": { modules: ["base", "netboot/socket"], packages: ["node:"] },
  "netboot/http": { modules: ["base"], packages: ["node:"] },
  "netboot/ipxe": { modules: ["base"], packages: [] },
  "netboot/radv": { modules: ["base", "netboot/socket"], packages: ["node:"] },
  images: { modules: ["base"], packages: ["node:"] },
  pki: { modules: ["base"], packages: ["node:"] },
  controllers: { modules: ["base", "bmc", "lifecycle", "api", "placement", "kube"], packages: [] },
  rack: {
    modules: [
      "base",
      "api",
      "kube",
      "lifecycle",
      "images",
      "netboot/dhcp",
      "netboot/tftp",
      "netboot/http",
      "netboot/ipxe",
      "netboot/radv",
    ],
    packages: ["node:"],
  },
  agent: { modules: ["base", "api"], packages: ["node:"] },
  sim: {
    // It imitates hardware; what runs on that hardware is the real agent, over simulated disks.
    modules: ["base", "api", "pki", "agent", "netboot/dhcp", "netboot/tftp"],
    packages: ["node:", "undici"],
  },
};

const MAX_LINES = 400;
const IMPORT = /^(?:im|ex)port\s(type\s)?(?:[^"';]*?\sfrom\s)?"([^"]+)"/gm;

const BY_LENGTH = Object.keys(MAY_IMPORT).sort((a, b) => b.length - a.length);

function moduleOf(path: string): string {
  return BY_LENGTH.find((name) => path.startsWith(`${name}/`)) ?? path;
}

/** Why `module` may not import `from`, or undefined if it may. */
function complaint(module: string, from: string, typeOnly: boolean): string | undefined {
  const row = MAY_IMPORT[module];
  if (row === undefined) return `${module} has no row in MAY_IMPORT`;
  if (from.startsWith("./")) return undefined;
  if (from.startsWith("../")) return `${from}: write "#module/file.ts" for another folder`;
  if (!from.startsWith("#")) {
    const allowed = typeOnly || row.packages.some((name) => from.startsWith(name));
    return allowed ? undefined : `${module} may not import ${from}`;
  }
  const target = moduleOf(from.slice(1));
  if (target === module) return undefined;
  if (from.includes("/_")) return `${from} is private to ${target}`;
  return row.modules.includes(target) ? undefined : `${module} may not import ${target}`;
}

describe("architecture", () => {
  const files = globSync("src/**/*.ts", { exclude: ["src/bin/**", "src/**/*.{test,d}.ts"] });

  it.each(files)("%s", (file) => {
    const text = readFileSync(file, "utf8");
    const module = moduleOf(file.slice("src/".length));
    const complaints = [...text.matchAll(IMPORT)]
      .map(([, type, from = ""]) => complaint(module, from, type !== undefined))
      .filter((found) => found !== undefined);
    expect(complaints).toEqual([]);
    expect(text.split("\n").length, "lines: split the file").toBeLessThanOrEqual(MAX_LINES);
  });
});

describe("the import rule", () => {
  it.each([
    { what: "an upward import", module: "lifecycle", from: "#controllers/machine/reconcile.ts" },
    { what: "one driver using another", module: "bmc/redfish", from: "#bmc/ipmi/packet.ts" },
    { what: "I/O in pure code", module: "lifecycle", from: "node:fs" },
    { what: "a package that has one home", module: "controllers", from: "@kubernetes/client-node" },
    { what: "a private file", module: "api", from: "#lifecycle/_detail.ts" },
    { what: "a path that hides its direction", module: "api", from: "../base/failure.ts" },
  ])("catches $what", ({ module, from }) => {
    expect(complaint(module, from, false)).toBeDefined();
  });
});
