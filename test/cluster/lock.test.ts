import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withLock } from "../../tools/cluster/lock.ts";

/** Far above the highest process id that Linux can be set to give. */
const NOBODY = 2 ** 30;
const soon = (): AbortSignal => AbortSignal.timeout(10_000);

describe("the lock of a build", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "steelyard-lock-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** Takes a lock that is there already; says whom it waited for. */
  async function waitedFor(name: string): Promise<readonly number[]> {
    const seen: number[] = [];
    const stop = new AbortController();
    const waiting = (pid: number): void => {
      seen.push(pid);
      stop.abort(new Error("enough"));
    };
    await withLock(join(folder, name), async () => {}, waiting, stop.signal).catch(() => {});
    return seen;
  }

  it("waits for a process that lives, and says for which", async () => {
    await writeFile(join(folder, "held"), "1");
    expect(await waitedFor("held")).toEqual([1]);
  });

  it("is broken when the process is gone", async () => {
    await writeFile(join(folder, "gone"), `${NOBODY}`);
    expect(await waitedFor("gone")).toEqual([]);
  });

  it("is broken when its process id is in use, but nobody has touched it for long", async () => {
    await writeFile(join(folder, "stale"), "1");
    await utimes(join(folder, "stale"), new Date(0), new Date(0));
    expect(await waitedFor("stale")).toEqual([]);
  });

  it("lets two callers of one process in one after the other", async () => {
    const path = join(folder, "two");
    const trace: string[] = [];
    const work = async (name: string): Promise<void> => {
      trace.push(`${name} in`);
      await Promise.resolve();
      trace.push(`${name} out`);
    };
    await Promise.all(
      ["a", "b"].map((name) =>
        withLock(
          path,
          () => work(name),
          () => {},
          soon(),
        ),
      ),
    );
    const [first = "", , third = ""] = trace;
    expect(trace).toEqual([first, first.replace("in", "out"), third, third.replace("in", "out")]);
  });

  it("is given back when the work fails", async () => {
    const path = join(folder, "failed");
    const run = (work: () => Promise<string>) => withLock(path, work, () => {}, soon());
    await expect(run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await run(async () => "yes")).toBe("yes");
  });
});
