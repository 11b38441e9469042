import { PLAIN_PATHS, type Seed } from "#api/agent.ts";
import { CORE, zoneNamespace } from "#api/group.ts";
import type { MachineTask } from "#api/machine-task.ts";
import { hours } from "#base/duration.ts";
import type { KubeObject } from "#base/object.ts";
import { HttpError } from "#netboot/http/message.ts";
import { type Desk, named, refused } from "./desk.ts";
import { stateOf } from "./due-task.ts";
import { seedFor } from "./seed.ts";
import { type Session, sealToken } from "./tokens.ts";
import { refuse, type Verdict } from "./verdict.ts";

/** A system may take long to come up; after the task's runDeadline nobody asks any more. */
const PHONE_LIFE = hours(48);

type SecretObject = KubeObject & { readonly data?: Readonly<Record<string, string>> };

/** User data goes to the one agent that is writing the machine's disk, and to nobody else. */
export async function handOutSeed(
  session: Session,
  remote: string,
  desk: Desk,
  signal: AbortSignal,
): Promise<Seed> {
  const { task: its, nonce } = session;
  if (its === undefined) throw refused(desk, "seed", "NoSuchTask", { mac: session.mac });
  const judge = (task: MachineTask) => mayHave(task, nonce);
  const { verdict, task } = await desk.tasks.decideFromCache(its.key, its.uid, judge, signal);
  if (verdict.kind === "Refuse" || task === null) {
    const reason = verdict.kind === "Refuse" ? verdict.reason : "NoSuchTask";
    throw refused(desk, "seed", reason, { task: its.key });
  }
  const secret = await seedSecret(task, desk, signal);
  return seedFor({
    task,
    phoneHomeUrl: phoneHomeUrl(task, session, remote, desk),
    bootMac: session.mac,
    userData: text(secret, "userData"),
    networkData: text(secret, "networkData"),
  });
}

function mayHave(task: MachineTask, nonce: string): Verdict {
  if (task.spec.type !== "Deploy" || stateOf(task) !== "Running") return refuse("WrongState");
  return task.status?.grant?.bootNonce === nonce ? { kind: "Go" } : refuse("OtherGrant");
}

async function seedSecret(
  { spec }: MachineTask,
  { client, zone }: Desk,
  signal: AbortSignal,
): Promise<SecretObject | null> {
  const name = spec.deploy?.seedSecret;
  if (name === undefined) return null;
  const ref = { namespace: zoneNamespace(zone), name };
  const secret = await client.get<SecretObject>(CORE.secret, ref, signal);
  if (secret === null) throw new HttpError(503, "the Secret with the user data is not there");
  return secret;
}

function text(secret: SecretObject | null, key: string): string | null {
  const data = secret?.data?.[key];
  return data === undefined ? null : Buffer.from(data, "base64").toString();
}

function phoneHomeUrl(task: MachineTask, session: Session, remote: string, desk: Desk): string {
  const { mac, nonce } = session;
  const expires = desk.clock.now() + PHONE_LIFE;
  const phone = { kind: "phone", task: named(task), mac, nonce, expires } as const;
  return `${desk.rackUrl(remote)}${PLAIN_PATHS.phoneHome}${sealToken(phone, desk.hmacKey)}`;
}
