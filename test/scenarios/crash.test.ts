/** kill -9 at ten moments of a fleet's deploys: nothing is lost, and nothing is done twice. */
import { describe, expect, it } from "vitest";
import { systemClock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import { type Scene, useScene } from "./scene.ts";

const MACHINES = 10;
const KILLS = 10;
/** A Commission is made and ends; a Deploy is made, runs, is written and ends. */
const CHANGES = MACHINES * 6;
const SEED = 20_261_122;

const scene = useScene({
  zone: "crash",
  machines: MACHINES,
  speed: 50,
  operatorArgs: ["--lease-seconds", "3", "--renew-seconds", "2", "--retry-seconds", "0.5"],
});

/** Numbers in [0, 1), the same in each run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Kills one of both without a word, and has another take its place at once. */
async function kill(s: Scene, which: "operator" | "rack"): Promise<void> {
  const program = which === "operator" ? s.room.operator : s.room.racks.get(s.zone);
  program?.kill("SIGKILL");
  await program?.ended;
  if (which === "operator") s.room.startOperator();
  else void s.room.startRack(s.zone).catch(() => undefined); // killed again before it served
}

describe("operator and rack, killed by turns while machines are deployed", () => {
  it("still see all of them Deployed, each task granted once, each grant one write", async () => {
    const s = scene();
    const random = seeded(SEED);
    const names = Array.from({ length: MACHINES }, () => s.server());
    for (const server of names) {
      await s.enrol(server, { deploy: { imageRef: { name: s.room.image.name } } });
    }
    const moments: string[] = [];
    for (let n = 0; n < KILLS; n++) {
      // By what has happened, not by the clock: spread over the deploys however slow the machine is.
      const moment = Math.floor(((n + random()) * CHANGES) / KILLS);
      await untilChanges(s, moment);
      const phases = names.map(({ name }) => s.get(name)?.status?.phase ?? "New");
      const which = n % 2 === 0 ? "operator" : "rack";
      moments.push(`${which}: ${tally(phases)}`);
      await kill(s, which);
    }
    console.log(moments.join("\n"));

    const isUp = ({ name }: { readonly name: string }) =>
      s.until(name, "Deployed", ({ status }) => status?.phase === "Deployed", seconds(240));
    await Promise.all(names.map(isUp));
    expect(s.history.wrongs()).toEqual([]);
    for (const { name } of names) {
      const { counters } = await s.seen(name);
      expect([name, counters.diskWrites]).toEqual([name, s.history.granted(name, "Deploy")]);
      expect([name, counters.erases]).toEqual([name, 0]);
    }
  }, 400_000);
});

/** Or until twenty seconds are over: a fleet that does nothing for so long is one to kill in, too. */
async function untilChanges(s: Scene, moment: number): Promise<void> {
  for (let waited = 0; s.history.changes < moment && waited < 1_000; waited++) {
    await systemClock.sleep(seconds(0.02), s.signal);
  }
}

function tally(phases: readonly string[]): string {
  const kinds = [...new Set(phases)];
  return kinds.map((kind) => `${phases.filter((one) => one === kind).length} ${kind}`).join(", ");
}
