import { existsSync } from "node:fs";
import { appendFile, mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { systemClock } from "#base/clock.ts";
import { createLab } from "../../tools/vm-lab/lab.ts";
import { run } from "../../tools/vm-lab/netns.ts";
import { SerialConsole } from "../../tools/vm-lab/serial-console.ts";

const ROOT = process.getuid?.() === 0;
if (!ROOT) console.warn("SKIPPED: not root, so no lab is made");
const signal = AbortSignal.timeout(60_000);

describe.skipIf(!ROOT)("the lab", () => {
  it("is gone with all that ran in it", async () => {
    let netns: string, folder: string;
    let ended: Promise<unknown>;
    {
      await using lab = await createLab({ taps: 2 }, signal);
      ({ netns, folder } = lab);
      const child = lab.spawn(["sleep", "600"]);
      ended = new Promise((resolve) => child.once("exit", resolve));
      const shown = await lab.run(["ip", "-br", "addr", "show", "br0"], signal);
      expect(shown).toContain("10.88.0.1/24 fd88::1/64");
      expect(await lab.run(["ip", "-br", "link"], signal)).toMatch(/^tap0 .*\ntap1 /m);
    }
    await ended;
    expect(await run(["ip", "netns", "list"], signal)).not.toContain(netns);
    expect(existsSync(folder)).toBe(false);
  });

  it("leaves nothing when it cannot be made", async () => {
    const before = await run(["ip", "netns", "list"], signal);
    await expect(createLab({ taps: 1 }, AbortSignal.abort(new Error("no")))).rejects.toThrow();
    expect(await run(["ip", "netns", "list"], signal)).toBe(before);
  });
});

describe("a serial console", () => {
  it("finds lines that came before and after the question, and an unfinished prompt", async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), "console-"));
    const file = join(folder.path, "console.log");
    await using serial = new SerialConsole(file, systemClock);
    await appendFile(file, "\x1b[2J\x1b[01;01Hfirst\r\nsecond\r\nlogin: ");
    expect(await serial.waitFor(/^first/, 0, signal)).toMatchObject({ text: "first" });
    const later = serial.waitFor(/third/, 0, signal);
    expect((await serial.waitFor(/login: $/, 0, signal)).text).toBe("login: ");
    await appendFile(file, "\nthird time\n");
    expect((await later).text).toBe("third time");
    await expect(serial.waitFor(/first/, 1, AbortSignal.timeout(100))).rejects.toThrow(
      "third time",
    );
  });
});
