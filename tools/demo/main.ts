/**
 * The demo: simulated machines in two zones, and a real virtual one, go from applied to Deployed
 * before one's eyes. tools/commands/demo.mjs does the set-up and starts this.
 */
import { systemClock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import { machine } from "../room/manifests.ts";
import type { Program } from "../room/program.ts";
import { openRoom, type Room } from "../room/room.ts";
import { createLab, type Lab } from "../vm-lab/lab.ts";
import { openCellar } from "./cellar.ts";
import { watchMachines } from "./machines.ts";
import { type DemoOptions, parseOptions, USAGE } from "./options.ts";
import { openScreen, type Screen } from "./screen.ts";
import type { Row } from "./table.ts";
import { watchCommand, whatNext } from "./words.ts";

const ZONES = ["east", "west"];
const REDRAW = seconds(0.25);

/** By Ctrl-C, or by whoever started us. */
class Stopped extends Error {}

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => stop.abort(new Stopped("stopping")));
}

/** @returns whether all were Deployed */
async function demo(options: DemoOptions, screen: Screen): Promise<boolean> {
  const { sim, machines, speed } = options;
  const { signal } = stop;
  await using stack = new AsyncDisposableStack();
  const lab = sim ? null : stack.use(await createLab({ taps: 1 }, signal));
  const room = stack.use(
    await openRoom({ rows: rowsOf(machines), speed, say: screen.say, ...clusterOf(lab) }, signal),
  );
  const programs: Program[] = [room.sim, room.operator, ...room.racks.values()];
  if (lab !== null) screen.say("furnishing the cellar: a rack and a virtual machine");
  const cellar = lab && stack.use(await openCellar(lab, room, signal));
  programs.push(...(cellar?.programs ?? []));
  stack.use(endWith(programs));

  const look = stack.use(await watchMachines(room.cluster.kubeconfig, signal)).rows;
  screen.say(`applying the Machines. Watch them yourself:\n\n    ${watchCommand(room.cluster)}\n`);
  const start = performance.now();
  const elapsed = (): number => (performance.now() - start) / 1_000;
  await cellar?.enrol(); // it takes longest
  await enrolAll(room);
  const expected = machines + (lab === null ? 0 : 1);
  const done = await follow(look, expected, elapsed, screen, options);
  const rows = look();
  screen.end(rows, elapsed());
  if (options.once) return done;
  screen.say(whatNext(room.cluster, rows[0]?.machine ?? ""));
  await follow(look, Number.POSITIVE_INFINITY, elapsed, screen, options);
  return true;
}

const rowsOf = (machines: number) => {
  const first = Math.ceil(machines / 2);
  return ZONES.map((zone, at) => ({ zone, machines: at === 0 ? first : machines - first })).filter(
    (row) => row.machines > 0,
  );
};

const clusterOf = (lab: Lab | null) => (lab === null ? {} : { cluster: { netns: lab.netns } });

/** Until it is disposed of, a program that ends ends the demo. */
function endWith(programs: readonly Program[]): Disposable {
  let over = false;
  for (const { name, ended } of programs) {
    void ended.then((how) => {
      if (!over) stop.abort(new Error(`${name} ended (${how})`));
    });
  }
  return {
    [Symbol.dispose]: () => {
      over = true;
    },
  };
}

async function enrolAll(room: Room): Promise<void> {
  const deploy = { imageRef: { name: room.image.name } };
  for (const [zone, servers] of room.servers) {
    for (const server of servers) await room.apply(machine(server, zone, { deploy }));
  }
}

/** Shows the table until so many are Deployed; false when the time for that is over. */
async function follow(
  look: () => readonly Row[],
  expected: number,
  elapsed: () => number,
  screen: Screen,
  { once, limit }: DemoOptions,
): Promise<boolean> {
  for (;;) {
    const rows = look();
    screen.show(rows, elapsed());
    if (rows.filter(({ phase }) => phase === "Deployed").length >= expected) return true;
    if (once && elapsed() > limit) return false;
    await systemClock.sleep(REDRAW, stop.signal);
  }
}

async function main(options: DemoOptions): Promise<number> {
  const began = performance.now();
  const screen = openScreen(process.stdout);
  const say = (text: string): void => {
    const at = ((performance.now() - began) / 1_000).toFixed(1).padStart(6);
    screen.say(`demo  [${at}s] ${text}`);
  };
  return (await demo(options, { ...screen, say })) ? 0 : 1;
}

const options = parseOptions(process.argv.slice(2));
if (options === null) console.log(USAGE);
else {
  try {
    process.exitCode = await main(options);
  } catch (error) {
    const why = stop.signal.aborted ? stop.signal.reason : error;
    console.error(why instanceof Error ? why.message : why);
    process.exitCode = why instanceof Stopped && !options.once ? 0 : 1;
  }
}
