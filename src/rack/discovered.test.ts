import { describe, expect, it } from "vitest";
import type { Mac } from "#base/mac.ts";
import { Discovered } from "./discovered.ts";

const now = Date.parse("2026-01-01T00:00:00Z");
const mac = (n: number) => `52:54:00:00:00:${n.toString(16).padStart(2, "0")}` as Mac;
const nobody = () => false;

describe("unknown machines", () => {
  it("are listed once, with the time when they were first met", () => {
    const met = new Discovered();
    expect(met.met(mac(1), "prov", now)).toBe(true);
    expect(met.met(mac(1), "prov", now + 1_000)).toBe(false);
    expect(met.list(nobody)).toEqual([
      { mac: mac(1), subnet: "prov", seenAt: "2026-01-01T00:00:00Z" },
    ]);
  });

  it("are news again after an hour", () => {
    const met = new Discovered();
    met.met(mac(1), "prov", now);
    expect(met.met(mac(1), "prov", now + 3_600_000)).toBe(true);
  });

  it("are left out once a Machine names them", () => {
    const met = new Discovered();
    met.met(mac(1), "prov", now);
    expect(met.list((one) => one === mac(1))).toEqual([]);
  });

  it("are forgotten, the oldest first, where a flood of them comes", () => {
    const met = new Discovered();
    for (let n = 0; n < 300; n++) met.met(`52:54:00:00:${n >> 8}0:${n & 255}` as Mac, "prov", now);
    expect(met.list(nobody)).toHaveLength(256);
  });
});
