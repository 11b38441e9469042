import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Order, Seed, Welcome } from "#api/agent.ts";
import { CORE, KINDS, zoneNamespace } from "#api/group.ts";
import type { Machine } from "#api/machine.ts";
import type { MachineInventory } from "#api/machine-inventory.ts";
import type { MachineTask } from "#api/machine-task.ts";
import { noAnswer } from "#kube/client.ts";
import type { TestAgent } from "#test/fakes/agent.ts";
import { inventory } from "#test/fakes/inventory.ts";
import { RackRig, settled } from "#test/fakes/rack.ts";
import { DIGEST, MAC, machine, task } from "#test/fakes/rack-objects.ts";

const never = new AbortController().signal;

let rig: RackRig;
let known: Machine;
beforeEach(async () => {
  rig = await RackRig.start();
  known = await rig.put(machine());
});
afterEach(() => rig[Symbol.asyncDispose]());

const due = (difference: Parameters<typeof task>[0] = {}): Promise<MachineTask> =>
  rig.put(task({ ...difference, uid: known.metadata.uid }));

/** Boots into a task and says hello. */
async function begun(
  difference: Parameters<typeof task>[0] = {},
): Promise<{ made: MachineTask; agent: TestAgent; order: Order; token: string }> {
  const made = await due(difference);
  const { agent, token } = await rig.bootAgent();
  const welcome = (await agent.hello(token)).body as Welcome;
  if (welcome.order === undefined) throw new Error("no order");
  agent.session = welcome.order.session;
  return { made, agent, order: welcome.order, token };
}

const writesTo = (resource: string): string[] =>
  rig.cluster.writes.filter((call) => call.resource === resource).map(({ verb }) => verb);

describe("a commissioning", () => {
  it("costs one inventory and one write of its task", async () => {
    const { made, agent, order } = await begun();
    expect(order).toMatchObject({ task: made.metadata.name, type: "Commission", machine: "m1" });
    expect(await agent.inventory(inventory())).toMatchObject({ status: 204 });
    const results = [{ disk: "D1", outcome: "Blank" }];
    expect(await agent.report(order.task, "Succeeded", { results })).toMatchObject({ status: 204 });
    expect((await rig.task(made)).status).toMatchObject({ state: "Succeeded", results });
    expect(writesTo("machinetasks")).toEqual(["create", "patch"]);
    expect(writesTo("machineinventories")).toEqual(["create"]);
  });

  it("stores what was found beside its Machine, and has it go with it", async () => {
    const { agent } = await begun();
    await agent.inventory(inventory());
    const stored = await rig.cluster.get<MachineInventory>(
      KINDS.machineInventory,
      { namespace: "lab", name: "m1" },
      never,
    );
    const { uid } = known.metadata;
    expect(stored?.spec).toEqual({ ...inventory(), zone: "a", machineRef: { name: "m1", uid } });
    expect(stored?.metadata.ownerReferences).toMatchObject([{ kind: "Machine", uid }]);
  });

  it("writes an inventory anew only where more than its time has changed", async () => {
    const { agent } = await begun();
    await agent.inventory(inventory());
    await agent.inventory(inventory({ collectedAt: "2026-01-02T00:00:00Z" }));
    expect(writesTo("machineinventories")).not.toContain("replace");
    await agent.inventory(inventory({ memory: { totalMiB: 8_192 } }));
    expect(writesTo("machineinventories").filter((verb) => verb === "replace")).toHaveLength(1);
  });

  it("does not succeed without its inventory", async () => {
    const { made, agent, order } = await begun();
    expect(await agent.report(order.task, "Succeeded")).toMatchObject({ status: 409 });
    expect((await rig.task(made)).status?.state).toBeUndefined();
  });

  it("is given to one agent of a boot: a second one with its token fails it", async () => {
    const { made, agent, order, token } = await begun();
    expect(await agent.hello(token)).toMatchObject({ status: 200, body: { order: {} } });
    expect(await rig.agent().hello(token)).toMatchObject({ status: 403, text: "BootConflict\n" });
    expect((await rig.task(made)).status).toMatchObject({
      state: "Failed",
      reason: "BootConflict",
    });
    expect(await agent.report(order.task, "Running")).toMatchObject({ status: 403 });
  });

  it("may begin again after a reboot", async () => {
    await begun();
    const { agent, token } = await rig.bootAgent();
    expect(await agent.hello(token)).toMatchObject({ status: 200 });
  });
});

describe("a deployment", () => {
  it("is granted, written and phoned home with three writes of its task", async () => {
    const { made, agent, order } = await begun({ type: "Deploy" });
    expect((await rig.task(made)).status).toMatchObject({
      state: "Running",
      grant: { rack: "r1", agentKey: agent.agentKey },
    });
    expect(order).toMatchObject({ imageUrl: `${rig.url}/images/${DIGEST}` });
    const seed = (await agent.seed()).body as Seed;
    expect(await agent.report(order.task, "Written")).toMatchObject({ status: 204 });
    expect(await rig.script()).toContain("local.efi");
    expect(await phoneHome(seed, "hostname=m1")).toBe(200);
    expect((await rig.task(made)).status).toMatchObject({
      state: "Succeeded",
      finishedAt: expect.any(String),
    });
    expect(writesTo("machinetasks")).toEqual(["create", "patch", "patch", "patch"]);
  });

  it("hears a system that phones home again, and writes nothing", async () => {
    const { agent, order } = await begun({ type: "Deploy" });
    const seed = (await agent.seed()).body as Seed;
    await agent.report(order.task, "Written");
    await phoneHome(seed, "hostname=m1");
    await settled();
    const before = writesTo("machinetasks").length; // its heartbeat the rack may write meanwhile
    expect(await phoneHome(seed, "a file of the system")).toBe(200);
    expect(writesTo("machinetasks")).toHaveLength(before);
    expect(rig.calls.map(({ body }) => body)).toEqual(["hostname=m1", "a file of the system"]);
  });

  it("is not done by a system that phones home before its image was written", async () => {
    const { made, agent } = await begun({ type: "Deploy" });
    const seed = (await agent.seed()).body as Seed;
    expect(await phoneHome(seed, "hostname=m1")).toBe(403);
    expect((await rig.task(made)).status?.state).toBe("Running");
  });

  it("keeps a phone-home that the API could not take", async () => {
    const { made, agent, order } = await begun({ type: "Deploy" });
    const seed = (await agent.seed()).body as Seed;
    await agent.report(order.task, "Written");
    let failures = 5; // the cached view, and all tries with a fresh one
    rig.onCall = ({ verb, resource }) => {
      const isTask = verb === "patch" && resource === "machinetasks"; // not the Rack's own status
      if (isTask && failures-- > 0) throw noAnswer("away");
    };
    expect(await phoneHome(seed, "hostname=m1")).toBe(202);
    await expect
      .poll(async () => (await rig.task(made)).status?.state, { timeout: 10_000 })
      .toBe("Succeeded");
  });

  it("hands its user data to the one agent that holds the grant", async () => {
    const data = { userData: Buffer.from("#cloud-config\nx: 1\n").toString("base64") };
    const metadata = { name: "seed-1", namespace: zoneNamespace("a") };
    await rig.cluster.create(CORE.secret, { metadata, data }, never);
    const { agent } = await begun({ type: "Deploy", seedSecret: "seed-1" });
    expect((await agent.seed()).body).toMatchObject({ "user-data": "#cloud-config\nx: 1\n" });
  });

  it("ends with its image where it waits for nothing else", async () => {
    const { made, agent, order } = await begun({ type: "Deploy", readiness: "AgentDone" });
    await agent.report(order.task, "Written");
    expect((await rig.task(made)).status?.state).toBe("Succeeded");
    expect(writesTo("machinetasks")).toEqual(["create", "patch", "patch"]);
  });

  it("is granted once where the answer to the grant was lost", async () => {
    const made = await due({ type: "Deploy" });
    const { agent, token } = await rig.bootAgent();
    loseAnswers(1);
    const answer = await agent.hello(token);
    expect(answer).toMatchObject({ status: 200, body: { order: { type: "Deploy" } } });
    expect((await rig.task(made)).status?.state).toBe("Running");
  });

  it("is granted again to the same boot, which did not hear of it", async () => {
    const { agent, token } = await begun({ type: "Deploy" });
    expect(await agent.hello(token)).toMatchObject({ status: 200, body: { order: {} } });
  });

  it("goes on after the rack was killed and started again", async () => {
    const { made, agent, order } = await begun({ type: "Deploy" });
    await rig.stop();
    await rig.boot();
    agent.api = rig.api;
    expect(await agent.report(order.task, "Written")).toMatchObject({ status: 204 });
    expect((await rig.task(made)).status?.state).toBe("Written");
  });
});

/** The API server does what it is told, and its answer does not arrive. */
function loseAnswers(count: number): void {
  let left = count;
  const patch = rig.cluster.mergePatch.bind(rig.cluster);
  Object.assign(rig.cluster, {
    mergePatch: async (...args: Parameters<typeof patch>) => {
      const result = await patch(...args);
      if (left-- > 0) throw noAnswer("lost");
      return result;
    },
  });
}

async function phoneHome(seed: Seed, body: string): Promise<number> {
  const url = /"url": "([^"]+)"/.exec(seed["vendor-data"])?.[1] ?? "";
  return (await fetch(url, { method: "POST", body })).status;
}

describe("an agent is refused", () => {
  it("with a token of nobody's making", async () => {
    await due();
    const { agent } = await rig.bootAgent();
    expect(await agent.hello("abc.def")).toMatchObject({ status: 403 });
    expect(rig.counts.get("hello Forged")).toBe(1);
  });

  it("with the token of a task that was canceled, and the next one is served", async () => {
    const made = await due({ type: "Deploy" });
    const { agent, token } = await rig.bootAgent();
    await rig.end(made, "Canceled");
    expect(await agent.hello(token)).toMatchObject({ status: 403, text: "Ended\n" });
    await due({ type: "Deploy", attempt: 2 });
    const next = await rig.bootAgent();
    expect(await next.agent.hello(next.token)).toMatchObject({ status: 200 });
  });

  it("with the token of a task that is not the newest any more", async () => {
    await due({ type: "Deploy" });
    const { agent, token } = await rig.bootAgent();
    await due({ type: "Deploy", attempt: 2 });
    expect(await agent.hello(token)).toMatchObject({ status: 403, text: "NotDue\n" });
  });

  it("as a second boot of a task that is granted, which fails the task", async () => {
    const { made, agent, order } = await begun({ type: "Deploy" });
    const second = await rig.bootAgent();
    expect(await second.agent.hello(second.token)).toMatchObject({ status: 403 });
    expect((await rig.task(made)).status).toMatchObject({
      state: "Failed",
      reason: "BootConflict",
    });
    expect(await agent.report(order.task, "Written")).toMatchObject({ status: 403 });
  });

  it("where it finds another system than the BMC, before anything is granted", async () => {
    const made = await due({
      type: "Erase",
      expect: { systemUUID: "4c4c4544-0000-1000-8000-00000000a002" },
    });
    const { agent, token } = await rig.bootAgent();
    const systemUUID = "4c4c4544-0000-1000-8000-00000000ffff";
    expect(await agent.hello(token, { systemUUID })).toMatchObject({ status: 403 });
    const { status } = await rig.task(made);
    expect(status).toMatchObject({ state: "Failed", reason: "IdentityConflict" });
    expect(status?.grant).toBeUndefined();
  });

  it("once its task was canceled: its report, its seed, its next order", async () => {
    const { made, agent, order } = await begun({ type: "Deploy" });
    await rig.end(made, "Canceled");
    expect(await agent.report(order.task, "Running")).toMatchObject({ status: 403 });
    expect(await agent.report(order.task, "Written")).toMatchObject({ status: 403 });
    expect(await agent.seed()).toMatchObject({ status: 403 });
    expect(await agent.next(0)).toMatchObject({ status: 403 });
  });

  it("once its task is not there any more: nobody knows how it ended", async () => {
    const { made, agent } = await begun({ type: "Deploy" });
    await rig.end(made, "Canceled");
    await rig.cluster.delete(KINDS.machineTask, made.metadata, {}, never);
    await settled();
    await due({ type: "Erase", epoch: 2 });
    expect(await agent.next(0)).toMatchObject({ status: 403, text: "Revoked\n" });
  });

  it("with a session that was not used for six hours", async () => {
    const { agent, order } = await begun({ type: "Deploy" });
    const later = 6 * 3_600_000;
    rig.forward(later);
    agent.time += later;
    expect(await agent.report(order.task, "Running")).toMatchObject({
      status: 403,
      text: "Expired\n",
    });
  });

  it("with a session that somebody else was given", async () => {
    const { agent, order } = await begun({ type: "Deploy" });
    const thief = rig.agent();
    thief.session = agent.session;
    expect(await thief.report(order.task, "Written")).toMatchObject({ status: 403 });
    expect(rig.counts.get("session BadSignature")).toBe(1);
  });

  it("with a request that was sent before", async () => {
    const { agent, order } = await begun({ type: "Deploy" });
    await agent.report(order.task, "Running");
    agent.time -= 1;
    expect(await agent.report(order.task, "Running")).toMatchObject({ status: 401 });
  });

  it("with a report of another task than its own", async () => {
    const { agent } = await begun({ type: "Deploy" });
    expect(await agent.report("another", "Written")).toMatchObject({ status: 403 });
  });

  it("with a report that is none, and told why", async () => {
    const { agent, order } = await begun({ type: "Deploy" });
    expect(await agent.report(order.task, "Fine")).toMatchObject({ status: 400 });
  });
});

describe("with the API server away", () => {
  const away = () => {
    rig.onCall = ({ verb }) => {
      if (verb !== "watch") throw noAnswer("away");
    };
  };

  it("a machine still boots, and is granted nothing", async () => {
    await due({ type: "Deploy" });
    away();
    const { agent, token } = await rig.bootAgent();
    expect(await agent.hello(token)).toMatchObject({ status: 503 });
    expect(rig.counts.get("grant Deploy")).toBeUndefined();
  });

  it("an agent hears that its end is not persisted, and may say it again", async () => {
    const { made, agent, order } = await begun({ type: "Erase" });
    away();
    expect(await agent.report(order.task, "Succeeded")).toMatchObject({ status: 503 });
    rig.onCall = () => {};
    expect(await agent.report(order.task, "Succeeded")).toMatchObject({ status: 204 });
    expect((await rig.task(made)).status?.state).toBe("Succeeded");
  });
});

describe("a rack that was started just now, and has not seen the API yet,", () => {
  it("has an agent come again, and refuses it nothing", async () => {
    const { agent, token } = await begun();
    await rig.stop();
    rig.onCall = ({ verb }) => {
      if (verb === "list") throw noAnswer("away");
    };
    const seen = rig.boot();
    await expect.poll(() => rig.isServing).toBe(true);
    agent.api = rig.api;
    const asked = [
      await agent.hello(token),
      await agent.next(0),
      await agent.inventory(inventory()),
    ];
    expect(asked.map(({ status, retryAfter }) => [status, retryAfter])).toEqual([
      [503, "2"],
      [503, "2"],
      [503, "2"],
    ]);
    rig.onCall = () => {};
    await seen;
    expect(await agent.hello(token)).toMatchObject({ status: 200, body: { order: {} } });
  });
});

describe("an agent that stays", () => {
  it("gets its next order again where a rack died between the grant and its answer", async () => {
    const first = await begun({ type: "Commission" });
    await first.agent.inventory(inventory());
    await first.agent.report(first.order.task, "Succeeded");
    const made = await due({ type: "Deploy", epoch: 2 });
    await first.agent.next(0); // the answer to this one was lost
    const { grant } = (await rig.task(made)).status ?? {};
    expect(await first.agent.next(0)).toMatchObject({ status: 200, body: { type: "Deploy" } });
    expect((await rig.task(made)).status?.grant).toEqual(grant);
  });

  it("gets its next order as soon as there is one, under a grant of its own", async () => {
    const first = await begun();
    await first.agent.inventory(inventory());
    await first.agent.report(first.order.task, "Succeeded");
    const poll = first.agent.next(10);
    await settled();
    const made = await due({ type: "Deploy", epoch: 2 });
    const answer = await poll;
    expect(answer).toMatchObject({
      status: 200,
      body: { type: "Deploy", task: made.metadata.name },
    });
    first.agent.session = (answer.body as Order).session;
    expect(await first.agent.report(made.metadata.name, "Written")).toMatchObject({ status: 204 });
    expect((await rig.task(made)).status).toMatchObject({
      state: "Written",
      grant: { agentKey: first.agent.agentKey },
    });
  });

  it("has its session renewed by using it, for as long as it stays", async () => {
    const { agent } = await begun();
    expect((await agent.next(0)).session).toBeUndefined();
    for (let hours = 4; hours <= 24; hours += 4) {
      rig.forward(4 * 3_600_000);
      agent.time += 4 * 3_600_000;
      const answer = await agent.next(0);
      expect(answer).toMatchObject({ status: 204, session: expect.any(String) });
      agent.session = answer.session ?? "";
    }
  });

  it("hears when there is none", async () => {
    const { agent } = await begun();
    expect(await agent.next(0)).toMatchObject({ status: 204 });
  });

  it("is there without a task where it waits warm, and gets one", async () => {
    await rig.put(
      machine({ name: "m2", macAddresses: ["52:54:00:00:00:02"], status: { boot: "Agent" } }),
    );
    const script = await rig.script("52:54:00:00:00:02");
    expect(script).toContain("steelyard.token=");
    const token = /steelyard\.token=(\S+)/.exec(script)?.[1] ?? "";
    const agent = rig.agent();
    const answer = await agent.hello(token, { macAddresses: ["52:54:00:00:00:02"] });
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.body).not.toHaveProperty("order");
    const other = await rig.agent().hello(token, { macAddresses: ["52:54:00:00:00:02"] });
    expect(other).toMatchObject({ status: 403, text: "BootConflict\n" });
  });
});

describe("a machine that boots", () => {
  it("gets the agent with what it needs to believe this rack", async () => {
    await due();
    const script = await rig.script();
    expect(script).toContain(`kernel ${rig.url}/agent/amd64/vmlinuz `);
    expect(script).toContain(` steelyard.rack=${rig.url} `);
    expect(script).toMatch(/ steelyard\.ca=sha256:[0-9a-f]{64} /);
    expect(script).toContain(" console=ttyS0 ");
    expect((await rig.get("/agent/amd64/vmlinuz")).status).toBe(200);
  });

  it("gets its disk where nobody knows its MAC", async () => {
    expect(await rig.script("52:54:00:ff:ff:ff")).toContain("local.efi");
    expect(rig.counts.get("boot Unknown")).toBe(1);
  });

  it.each(["/boot", "/boot?mac=nonsense", `/boot?mac=${MAC}&uuid=nonsense&arch=vax`])(
    "gets its disk for %s",
    async (path) => {
      const answer = await rig.get(path);
      expect([answer.status, (await answer.text()).includes("local.efi")]).toEqual([200, true]);
    },
  );

  it("gets its disk, and no task is begun, where a second Machine names its MAC", async () => {
    await due({ type: "Erase" });
    await rig.put(machine({ name: "m2" }));
    expect(await rig.script()).toContain("local.efi");
    expect(rig.counts.get("boot DuplicateMac")).toBe(1);
  });

  it("gets its disk where the task that the rack remembers was canceled just now", async () => {
    const made = await due({ type: "Erase" });
    rig.cluster.breakWatches();
    rig.onCall = ({ verb }) => {
      if (verb === "watch") throw noAnswer("away");
    };
    await rig.end(made, "Canceled");
    expect(await rig.script()).toContain("local.efi");
  });
});
