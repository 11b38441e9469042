import { request } from "node:http";
import { seconds } from "#base/duration.ts";
import type { DiskContent } from "./disk.ts";
import type { BootOutcome, SimulatedMachine } from "./machine.ts";

type Image = DiskContent & { readonly kind: "image" };

/** From the boot loader to cloud-init's last stage, at life's speed. */
const START = seconds(40);
const BETWEEN_TRIES = seconds(10);

/** Images whose system has started before: cloud-init does its work once for each instance. */
const started = new WeakSet<Image>();

/**
 * What is on the disks: a system that runs until the power goes, or nothing to boot. It reads the
 * seed on its first start, and phones home as that says.
 */
export async function bootDisk(
  machine: SimulatedMachine,
  signal: AbortSignal,
): Promise<BootOutcome> {
  const image = machine.disks.map(({ content }) => content).find((one) => one.kind === "image");
  if (image === undefined) return "nextDevice";
  await machine.wait(START, signal);
  const home = started.has(image) ? null : phoneHomeOf(image);
  started.add(image);
  if (home !== null) await phoneHome(home, machine, signal);
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    if (signal.aborted) reject(signal.reason);
  });
}

interface Home {
  readonly url: string;
  readonly tries: number;
  readonly body: string;
}

/** `phone_home` of the vendor's data or the user's, both JSON, which is YAML. */
function phoneHomeOf({ seed }: Image): Home | null {
  const found = [seed?.["user-data"], seed?.["vendor-data"]].map(cloudConfig);
  const config = found.find((one) => one?.phone_home !== undefined)?.phone_home;
  if (config?.url === undefined) return null;
  const meta = cloudConfig(seed?.["meta-data"]);
  const form = new URLSearchParams({
    instance_id: meta?.["instance-id"] ?? "",
    hostname: meta?.["local-hostname"] ?? "",
    fqdn: meta?.["local-hostname"] ?? "",
  });
  return { url: config.url, tries: config.tries ?? 10, body: form.toString() };
}

interface CloudConfig {
  readonly phone_home?: { readonly url?: string; readonly tries?: number };
  readonly "instance-id"?: string;
  readonly "local-hostname"?: string;
}

function cloudConfig(text = ""): CloudConfig | null {
  try {
    return JSON.parse(text.replace(/^#cloud-config\n/, "")) as CloudConfig;
  } catch {
    return null; // YAML of another form: this system takes no notice of it
  }
}

async function phoneHome(home: Home, machine: SimulatedMachine, signal: AbortSignal) {
  for (let tried = 0; tried < home.tries; tried++) {
    if (await posted(home, signal)) return;
    await machine.wait(BETWEEN_TRIES, signal);
  }
}

function posted({ url, body }: Home, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const sent = request(url, { method: "POST", headers, signal });
    sent.once("response", (response) => {
      response.resume();
      response.once("close", () => resolve((response.statusCode ?? 500) < 300));
    });
    sent.once("error", () => (signal.aborted ? reject(signal.reason) : resolve(false)));
    sent.end(body);
  });
}
