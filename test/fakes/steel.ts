/** A machine of steel: what is truly on its disk, whoever says what about it. */
import type { MachineTask } from "#api/machine-task.ts";
import { seconds } from "#base/duration.ts";
import { deployDebian, Room } from "./room.ts";

/** "tenant": wholly written by a deploy. "half": some of a deploy, or what an erase left. */
export type Content = "blank" | "foreign" | "tenant" | "half";

/** One thing that happens. All of it may happen at any time. */
export type Happening =
  | { readonly what: "time"; readonly seconds: number }
  | { readonly what: "boot" | "work" | "fail" | "crash" | "button" | "restart" }
  | { readonly what: "bmc"; readonly answers: boolean }
  | { readonly what: "spec"; readonly spec: object }
  | { readonly what: "ask"; readonly nonce: string }
  | { readonly what: "lose"; readonly status: boolean; readonly record: boolean };

/** Plays what happens against the operator, and notes what must never be. */
export class Steel {
  readonly room: Room;
  /** What went wrong, in words; empty: nothing did. */
  readonly wrongs: string[] = [];
  content: Content;
  /** An erase was begun: it takes the signatures first, so a look at what is left finds nothing. */
  #signed = true;
  /** spec.deploy was taken away since what is there was written, and not put back. */
  #removed = false;
  /** nonces.release was changed since then: a word that is not taken back. */
  #released = false;
  #asked = 0;

  private constructor(room: Room, content: Content) {
    this.room = room;
    this.content = content;
  }

  static async of(content: "blank" | "foreign"): Promise<Steel> {
    const steel = new Steel(await Room.with(), content);
    await steel.play({ what: "time", seconds: 3 });
    return steel;
  }

  async play(happening: Happening): Promise<void> {
    await this.#happen(happening);
    await this.room.settle();
    const { status } = await this.room.machine();
    if (status?.phase === "Ready" && this.content !== "blank") {
      this.wrongs.push(`Ready with ${this.content} data`);
    }
  }

  /** Nobody asks for anything more, and everything works: how the machine stands in the end. */
  async rest(): Promise<string> {
    await this.play({ what: "bmc", answers: true });
    for (let round = 0; round < 8; round++) {
      await this.play({ what: "boot" });
      await this.play({ what: "work" });
      await this.play({ what: "time", seconds: 700 });
    }
    const { spec, status } = await this.room.machine();
    if (spec.paused) return "paused";
    const stalled = status?.conditions?.find(({ type }) => type === "Stalled");
    return stalled?.status === "True" ? stalled.reason : (status?.phase ?? "New");
  }

  async #happen(happening: Happening): Promise<void> {
    const { room } = this;
    switch (happening.what) {
      case "time":
        return room.pass(seconds(happening.seconds));
      case "boot":
        return this.#boot();
      case "work":
        return this.#work();
      case "fail":
        return this.#report({ state: "Failed", message: "it failed" });
      case "crash":
      case "button":
        return this.#power(happening.what === "button" && room.bmc.now.power === "off");
      case "restart":
        return room.restartOperator();
      case "bmc":
        room.bmc.failing = happening.answers ? null : "BmcUnreachable";
        return;
      case "spec":
        return this.#edit(happening.spec);
      case "ask":
        if (happening.nonce === "release") this.#released = true;
        return room.edit({ nonces: { [happening.nonce]: `${++this.#asked}` } });
      case "lose":
        if (happening.status) await room.loseStatus();
        if (happening.record) await room.loseRecord();
        return room.restartOperator();
    }
  }

  async #power(on: boolean): Promise<void> {
    this.room.bmc.now = { ...this.room.bmc.now, power: on ? "on" : "off" };
  }

  async #edit(spec: object): Promise<void> {
    const { deploy, protected: isProtected } = (await this.room.machine()).spec;
    if ("deploy" in spec && isProtected) return; // the API server refuses it
    if ("deploy" in spec) {
      const gone = deploy !== undefined && spec.deploy === null;
      const back = deploy === undefined && spec.deploy !== null;
      if (gone) this.#removed = true;
      if (back) this.#removed = false;
    }
    await this.room.edit(spec);
  }

  /** The agent comes up and says hello: a rack gives it what is due, as its rules are. */
  async #boot(): Promise<void> {
    const task = await this.#due("Pending");
    if (task === null || this.room.bmc.now.power === "off") return;
    if (task.spec.type === "Commission") {
      const seen = this.content !== "blank" && this.#signed;
      return this.room.commission(seen ? "Data" : "Blank");
    }
    await this.#destroys(task);
    await this.room.grant();
  }

  async #due(state: string): Promise<MachineTask | null> {
    const { spec, metadata } = await this.room.machine();
    const task = (await this.room.tasks()).at(-1);
    const ours = task?.spec.machineRef.uid === metadata.uid && !spec.paused;
    return task !== undefined && ours && (task.status?.state ?? "Pending") === state ? task : null;
  }

  /** From the grant on a Deploy or an Erase may destroy what is there. */
  async #destroys({ spec: { type } }: MachineTask): Promise<void> {
    if (type !== "Deploy" && type !== "Erase") return;
    const { spec } = await this.room.machine();
    const { content } = this;
    const wiped = content === "foreign" && spec.adoption === "Wipe";
    const same = type === "Deploy" && content === "tenant" && spec.deploy !== undefined;
    const word = this.#released || this.#removed || wiped || same;
    const allowed = content === "blank" || content === "half" || word;
    if (!allowed) this.wrongs.push(`${type} over ${content} data without a word`);
    if (type === "Erase" && spec.protected) this.wrongs.push("an erase of what is protected");
    this.content = "half";
    this.#signed = type === "Deploy";
  }

  /** The agent gets on: Written, then Succeeded. */
  async #work(): Promise<void> {
    const running = await this.#due("Running");
    const written = await this.#due("Written");
    if (this.room.bmc.now.power === "off") return;
    if (written !== null) return this.room.report({ state: "Succeeded" });
    if (running === null || running.spec.type === "Rescue") return;
    if (running.spec.type === "Erase") this.content = "blank";
    if (running.spec.type !== "Deploy") return this.room.report({ state: "Succeeded" });
    this.content = "tenant";
    this.#released = false;
    this.#removed = false;
    return this.room.report({ state: "Written" });
  }

  async #report(status: Parameters<Room["report"]>[0]): Promise<void> {
    if ((await this.#due("Running")) !== null) await this.room.report(status);
  }
}

export { deployDebian };
