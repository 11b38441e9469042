import { describe, expect, it } from "vitest";
import { seconds } from "#base/duration.ts";
import { FakeClock, settle } from "#test/fakes/clock.ts";
import { type Call, FakeCluster } from "#test/fakes/cluster.ts";
import { FakeLog } from "#test/fakes/log.ts";
import { noAnswer } from "./client.ts";
import { Elector, NotLeader } from "./leader.ts";
import { LEASES, type Lease } from "./lease.ts";
import { noMetrics } from "./metrics.ts";

const ref = { namespace: "steelyard-system", name: "operator" };
const soon = (): AbortSignal => AbortSignal.timeout(5_000);

/** Electors before one cluster; each can be cut off from it, or stand still as a stopped process. */
function arena() {
  const clock = new FakeClock();
  const cluster = new FakeCluster({ clock });
  const story: string[] = [];

  function stand(identity: string) {
    const state = { cutOff: false, hangs: false };
    const onCall = async (_: Call): Promise<void> => {
      if (state.cutOff) throw noAnswer("cut off");
      if (state.hangs) await new Promise(() => undefined);
    };
    const guarded = <Args extends unknown[], R>(call: (...args: Args) => Promise<R>) => {
      return async (...args: Args): Promise<R> => {
        const signal = args.at(-1) as AbortSignal;
        const stopped = new Promise<never>((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        });
        await Promise.race([onCall({ verb: "get", resource: "leases", key: "" }), stopped]);
        return call(...args);
      };
    };
    const client = Object.assign(new FakeCluster({ clock }), {
      get: guarded(cluster.get.bind(cluster)),
      create: guarded(cluster.create.bind(cluster)),
      replace: guarded(cluster.replace.bind(cluster)),
    }) as FakeCluster;
    const elector = new Elector({
      client,
      lease: ref,
      identity,
      clock,
      monotonic: clock.monotonic,
      random: () => 0,
      log: new FakeLog().log,
      metrics: noMetrics,
    });
    const stop = new AbortController();
    const lead = async (signal: AbortSignal): Promise<void> => {
      story.push(`${identity} leads`);
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      story.push(`${identity} ends`);
    };
    const done = elector.run(lead, stop.signal);
    return { elector, stop, done, state };
  }
  const lease = () => cluster.get<Lease>(LEASES, ref, soon());
  return { clock, cluster, story, stand, lease };
}

describe("Elector", () => {
  it("leads where nobody does, and says so in client-go's words", async () => {
    const { story, stand, lease } = arena();
    const { elector } = stand("a");
    await settle();
    expect(story).toEqual(["a leads"]);
    expect(elector.isLeader()).toBe(true);
    const { spec } = (await lease()) ?? {};
    expect(spec).toMatchObject({
      holderIdentity: "a",
      leaseDurationSeconds: 15,
      leaseTransitions: 0,
    });
    expect(spec?.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  });

  it("has one leader among many, for as long as that one renews", async () => {
    const { clock, story, stand } = arena();
    const electors = ["a", "b", "c"].map((name) => stand(name).elector);
    await clock.advance(seconds(120));
    expect(story).toEqual(["a leads"]);
    expect(electors.map((each) => each.isLeader())).toEqual([true, false, false]);
  });

  it("hands over at once when the leader ends in order", async () => {
    const { clock, story, stand, lease } = arena();
    const a = stand("a");
    await settle();
    stand("b");
    await settle();
    a.stop.abort();
    await a.done;
    await clock.advance(seconds(2.5));
    expect(story).toEqual(["a leads", "a ends", "b leads"]);
    expect((await lease())?.spec.leaseTransitions).toBe(1);
  });

  it("takes over from a leader that is gone, after the Lease's time and not before", async () => {
    const { clock, story, stand } = arena();
    const a = stand("a");
    await settle();
    stand("b");
    await clock.advance(seconds(3));
    a.state.hangs = true;
    await clock.advance(seconds(12));
    expect(story).not.toContain("b leads");
    await clock.advance(seconds(6));
    expect(story).toContain("b leads");
  });

  it("stops leading before anybody else may begin when it is cut off", async () => {
    const { clock, story, stand } = arena();
    const a = stand("a");
    await settle();
    stand("b");
    await clock.advance(seconds(5));
    a.state.cutOff = true;
    await clock.advance(seconds(30));
    expect(story).toEqual(["a leads", "a ends", "b leads"]);
    expect(a.elector.isLeader()).toBe(false);
    expect(() => a.elector.fence()).toThrow(NotLeader);
  });

  it("stops leading on time when the API server does not answer at all", async () => {
    const { clock, story, stand } = arena();
    const a = stand("a");
    await settle();
    a.state.hangs = true;
    await clock.advance(seconds(9.9));
    expect(story).toEqual(["a leads"]);
    await clock.advance(seconds(0.2));
    expect(story).toEqual(["a leads", "a ends"]);
  });

  it("keeps the lead over a failure that is shorter than the deadline", async () => {
    const { clock, story, stand } = arena();
    const a = stand("a");
    await settle();
    a.state.cutOff = true;
    await clock.advance(seconds(7));
    a.state.cutOff = false;
    await clock.advance(seconds(60));
    expect(story).toEqual(["a leads"]);
  });

  it("knows by the clock alone that it slept too long", async () => {
    const { clock, stand } = arena();
    const { elector, state } = stand("a");
    await settle();
    state.hangs = true; // as when the process was stopped: no timer has run yet
    const before = clock.monotonic();
    Object.defineProperty(clock, "now", { value: () => before + 11_000 });
    expect(elector.isLeader()).toBe(true); // the wall clock decides nothing
    await clock.advance(seconds(11));
    expect(elector.isLeader()).toBe(false);
  });

  it("leads again when it could renew after all and nobody else came", async () => {
    const { clock, story, stand } = arena();
    const a = stand("a");
    await settle();
    a.state.cutOff = true;
    await clock.advance(seconds(20));
    a.state.cutOff = false;
    await clock.advance(seconds(5));
    expect(story).toEqual(["a leads", "a ends", "a leads"]);
  });

  it("survives a write of its own whose answer was lost", async () => {
    const { clock, cluster, story, stand, lease } = arena();
    stand("a");
    await settle();
    const held = await lease();
    if (held === null) throw new Error("no Lease");
    const spec = { ...held.spec, renewTime: "2026-01-01T00:00:01.000000Z" };
    await cluster.replace(LEASES, { ...held, spec }, {}, soon()); // it was ours, for all we know
    await clock.advance(seconds(30));
    expect(story).toEqual(["a leads"]);
  });

  it("ends its run when what it leads ends of itself", async () => {
    const { clock, cluster } = arena();
    const options = { client: cluster, lease: ref, identity: "a", clock, random: () => 0 };
    const { log } = new FakeLog();
    const elector = new Elector({
      ...options,
      monotonic: clock.monotonic,
      log,
      metrics: noMetrics,
    });
    await elector.run(async () => undefined, soon());
    expect(elector.isLeader()).toBe(false);
    const failing = elector.run(() => Promise.reject(new Error("boom")), soon());
    await expect(failing).rejects.toThrow("boom");
  });
});
