import { describe, expect, it } from "vitest";
import { TASK_TYPES } from "#lifecycle/table.ts";
import { MAC, task } from "#test/fakes/rack-objects.ts";
import { type Asker, judgeGrant } from "./grant.ts";

const now = Date.parse("2026-01-01T00:00:00Z");
const UUID = "4c4c4544-0000-1000-8000-00000000a002";
const asker = (difference: Partial<Asker> = {}): Asker => ({
  nonce: "n1",
  agentKey: "key",
  isFirst: true,
  rack: "r1",
  macAddresses: [MAC],
  systemUUID: UUID,
  ...difference,
});
const grant = { bootNonce: "n1", rack: "r0", agentKey: "key" };
const running = { state: "Running", grant } as const;

describe("a grant", () => {
  it.each(TASK_TYPES.filter((type) => type !== "Commission"))(
    "of a %s is written before anything else",
    (type) => {
      expect(judgeGrant(task({ type }), asker(), now)).toStrictEqual({
        kind: "Go",
        write: {
          state: "Running",
          grant: { bootNonce: "n1", rack: "r1", agentKey: "key" },
          startedAt: "2026-01-01T00:00:00Z",
        },
      });
    },
  );

  it("of a Commission is not written: it only reads", () => {
    expect(judgeGrant(task(), asker(), now)).toStrictEqual({ kind: "Go" });
  });

  it("holds for the boot that has it, whose answer was lost", () => {
    expect(judgeGrant(task({ type: "Deploy", status: running }), asker(), now)).toStrictEqual({
      kind: "Go",
    });
  });

  it.each(["Succeeded", "Failed", "Expired", "Canceled"] as const)(
    "is refused once the task is %s",
    (state) => {
      const ended = task({ type: "Deploy", status: { state, grant } });
      expect(judgeGrant(ended, asker(), now)).toStrictEqual({ kind: "Refuse", reason: "Ended" });
    },
  );

  it("is refused, and nothing is touched, once the image is written", () => {
    const written = task({ type: "Deploy", status: { state: "Written", grant } });
    expect(judgeGrant(written, asker({ nonce: "n2" }), now)).toStrictEqual({
      kind: "Refuse",
      reason: "WrongState",
    });
  });

  it.each([
    { title: "boot", difference: { nonce: "n2" } },
    { title: "agent", difference: { agentKey: "another" } },
  ])("asked for by another $title fails the task", ({ difference }) => {
    const verdict = judgeGrant(task({ type: "Deploy", status: running }), asker(difference), now);
    expect(verdict).toMatchObject({
      kind: "Refuse",
      reason: "BootConflict",
      write: { state: "Failed", reason: "BootConflict", finishedAt: "2026-01-01T00:00:00Z" },
    });
  });
});

describe("a token that two agents have", () => {
  it.each(TASK_TYPES)("fails a %s: neither of them goes on", (type) => {
    const verdict = judgeGrant(task({ type }), asker({ isFirst: false }), now);
    expect(verdict).toMatchObject({
      kind: "Refuse",
      reason: "BootConflict",
      write: { state: "Failed", reason: "BootConflict", message: expect.stringContaining("r1") },
    });
  });
});

describe("an agent is taken for another machine where", () => {
  const expecting = (expect: { systemUUID?: string; serial?: string }) =>
    task({ type: "Deploy", expect });

  it.each([
    { title: "none of its MACs is the task's", task: task(), asker: { macAddresses: [] } },
    {
      title: "its UUID is not what the BMC says",
      task: expecting({ systemUUID: "4c4c4544-0000-1000-8000-00000000ffff" }),
      asker: {},
    },
    {
      title: "its serial is not what the BMC says, and it has no UUID",
      task: expecting({ systemUUID: UUID, serial: "S-1" }),
      asker: { systemUUID: "00000000-0000-0000-0000-000000000000", serial: "S-2" },
    },
  ])("$title: the task fails and says both", ({ task, asker: difference }) => {
    expect(judgeGrant(task, asker(difference), now)).toMatchObject({
      kind: "Refuse",
      reason: "IdentityConflict",
      write: { state: "Failed", reason: "IdentityConflict", message: expect.any(String) },
    });
  });

  it.each([
    {
      title: "the UUID in other bytes",
      expects: { systemUUID: "44454c4c-0000-0010-8000-00000000a002" },
    },
    { title: "a placeholder", expects: { systemUUID: "03000200-0400-0500-0006-000700080009" } },
    { title: "another serial, as the UUID is right", expects: { systemUUID: UUID, serial: "S-9" } },
    { title: "a serial that was never filled in", expects: { serial: "To be filled by O.E.M." } },
  ])("but not for $title", ({ expects }) => {
    const verdict = judgeGrant(expecting(expects), asker({ serial: "S-1" }), now);
    expect(verdict.kind).toBe("Go");
  });

  it("names both sides in the message", () => {
    const other = "4c4c4544-0000-1000-8000-00000000ffff";
    const verdict = judgeGrant(expecting({ systemUUID: other }), asker(), now);
    expect(verdict.write?.message).toBe(
      `The agent found the system UUID ${UUID}; the BMC says ${other}.`,
    );
  });
});
