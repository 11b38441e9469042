import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { POOL_LABEL, TEMPLATE_HASH_LABEL } from "#api/group.ts";
import type { MachineClaim, MachineClaimSpec } from "#api/machine-claim.ts";
import type { MachinePool } from "#api/machine-pool.ts";
import { template } from "#test/fakes/pool-room.ts";
import { changeOf, claimOf, reinstallPatch, syncPatch, templateHash } from "./template.ts";

const { spec } = template();
const meta = { name: "web", namespace: "team", uid: "u", resourceVersion: "1" };

const poolOf = (differs: Partial<MachineClaimSpec> = {}, metadata?: object): MachinePool => ({
  metadata: meta,
  spec: {
    deletePolicy: "Newest",
    protected: false,
    template: { ...(metadata && { metadata }), spec: { ...spec, ...differs } },
  },
});

const claim = (differs: Partial<MachineClaimSpec>, labels = {}): MachineClaim => ({
  metadata: { ...meta, labels },
  spec: { ...spec, ...differs },
});

const hashOf = (pool: MachinePool) =>
  templateHash(pool, (text) => createHash("sha256").update(text).digest("hex"));
const then = hashOf(poolOf());
const deploy = { ...spec.deploy, imageRef: { name: "trixie" } };

describe("the hash of a template", () => {
  it("is this one, for ever: another would roll every pool of the world", () => {
    const full = {
      ...spec,
      selector: { matchLabels: { b: "2", a: "1" } },
      requirements: { minCPUs: 8, disks: [{ count: 2, type: "SSD" as const }] },
    };
    expect([then, hashOf(poolOf(full))]).toEqual(["04afedd241", "c7c87004a7"]);
  });

  it("does not change with the order of fields, defaults, nor what this version does not know", () => {
    const { method: _, ...short } = spec.deploy;
    const written = { deploy: short, later: "a default" };
    const bare: MachinePool = JSON.parse(JSON.stringify(poolOf()));
    const other = { ...bare, spec: { ...bare.spec, template: { spec: written } } };
    expect(hashOf(other as unknown as MachinePool)).toBe(then);
    expect(hashOf(poolOf({ requirements: {}, selector: {} }))).toBe(then);
  });

  it("does not change with what no machine is given up for", () => {
    const queue = { priority: 7, tolerations: [{ operator: "Exists" as const }] };
    const spread = { topologyKey: "Zone", maxSkew: 1, whenUnsatisfiable: "DoNotSchedule" } as const;
    expect(hashOf(poolOf({ ...queue, topologySpread: [spread] }))).toBe(then);
    expect(hashOf(poolOf({ updateStrategy: "Reinstall" }))).toBe(then);
    expect(hashOf(poolOf({}, { labels: { tier: "web" } }))).toBe(then);
  });

  it("changes with the image, and with the hardware", () => {
    expect(hashOf(poolOf({ deploy }))).not.toBe(then);
    expect(hashOf(poolOf({ requirements: { minCPUs: 8 } }))).not.toBe(then);
  });
});

describe("a claim, beside its template", () => {
  const hash = (pool: MachinePool) => ({ [TEMPLATE_HASH_LABEL]: hashOf(pool) });
  it.each([
    {
      what: "is as it should be by its label, whoever edited it",
      one: claim({ deploy }, { [TEMPLATE_HASH_LABEL]: then }),
      pool: poolOf(),
      change: "none",
    },
    {
      what: "is as it should be by its contents, if it was adopted",
      one: claim({ machineRef: { namespace: "lab", name: "m1" } }),
      pool: poolOf(),
      change: "none",
    },
    {
      what: "lacks a deploy that the same machine can have",
      one: claim({}),
      pool: poolOf({ deploy }),
      change: "deploy",
    },
    {
      what: "may need another machine",
      one: claim({}),
      pool: poolOf({ deploy, requirements: { minCPUs: 8 } }),
      change: "machine",
    },
  ])("$what", ({ one, pool, change }) => {
    expect(changeOf(one, pool, hashOf(pool))).toBe(change);
  });

  it("needs a new claim where more than the image differs, and the image does not", () => {
    const pool = poolOf({ deploy: { ...spec.deploy, kernelArgs: ["quiet"] } });
    expect(changeOf(claim({}), pool, hashOf(pool))).toBe("machine");
  });

  it("needs a new claim where nothing is to run any more", () => {
    const pool = poolOf();
    const { deploy: _, ...bare } = pool.spec.template.spec;
    const without = { ...pool, spec: { ...pool.spec, template: { spec: bare } } };
    expect(changeOf(claim({}), without, hashOf(without))).toBe("machine");
  });

  it("gets what follows at once, and keeps its hash until its turn", () => {
    const pool = poolOf({ deploy, priority: 5 }, { labels: { tier: "web" } });
    const labels = { [POOL_LABEL]: "web", [TEMPLATE_HASH_LABEL]: then, mine: "x" };
    expect(syncPatch(claim({}, labels), pool, hashOf(pool), "deploy")).toEqual({
      metadata: { labels: { tier: "web" } },
      spec: { priority: 5 },
    });
  });

  it("is left as it was written if it was adopted", () => {
    expect(
      syncPatch(claim({ priority: 3 }, { [POOL_LABEL]: "web" }), poolOf(), then, "none"),
    ).toBeNull();
  });

  it("gets the new deploy whole, its hash and the strategy in one patch", () => {
    const pool = poolOf({ deploy });
    const one = claim({ deploy: { ...spec.deploy, kernelArgs: ["quiet"] } });
    expect(reinstallPatch(one, pool, hashOf(pool))).toEqual({
      metadata: { labels: hash(pool) },
      spec: {
        updateStrategy: "Reinstall",
        deploy: { imageRef: { name: "trixie" }, kernelArgs: null },
      },
    });
  });

  it("is made with the pool's labels, whatever the template's say", () => {
    const pool = poolOf({}, { labels: { [POOL_LABEL]: "other", tier: "web" } });
    expect(claimOf(pool, "h").labels).toEqual({
      [POOL_LABEL]: "web",
      [TEMPLATE_HASH_LABEL]: "h",
      tier: "web",
    });
  });
});
