import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BootEntry } from "#agent/hardware.ts";
import { putFirst } from "./boot-menu.ts";
import { labelOf, loadOption } from "./load-option.ts";

const GUID = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
const partition = { number: 1, firstSector: 1, sectors: 1, guid: "0".repeat(32) };
const entry = (label: string): BootEntry => ({ label, loader: "\\A.EFI", partition });

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "steelyard-efi-"));
});
afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

const put = (name: string, hex: string) =>
  writeFile(join(folder, `${name}-${GUID}`), Buffer.from(`07000000${hex}`, "hex"));
const get = async (name: string) =>
  (await readFile(join(folder, `${name}-${GUID}`))).toString("hex").replace(/^07000000/, "");

describe("putFirst", () => {
  it("takes the first free number and goes before what was there", async () => {
    await put("Boot0000", loadOption(entry("UEFI PXE")).toString("hex"));
    await put("BootOrder", "0000");
    expect(await putFirst(folder, entry("steelyard"))).toBe(true);
    expect(await get("BootOrder")).toBe("01000000");
    expect(labelOf(Buffer.from(await get("Boot0001"), "hex"))).toBe("steelyard");
  });

  it("takes the place of earlier ones of its name", async () => {
    await put("Boot0001", loadOption(entry("steelyard")).toString("hex"));
    await put("Boot0002", loadOption(entry("UEFI PXE")).toString("hex"));
    await put("Boot0003", loadOption(entry("steelyard")).toString("hex"));
    await put("BootOrder", "020003000100");
    expect(await putFirst(folder, entry("steelyard"))).toBe(true);
    expect(await get("BootOrder")).toBe("01000200");
    expect((await readdir(folder)).length).toBe(3);
  });

  it("answers false on firmware without such variables", async () => {
    expect(await putFirst(join(folder, "none"), entry("steelyard"))).toBe(false);
  });
});
