/** How the tests with one virtual machine begin and end. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll } from "vitest";
import { minutes } from "#base/duration.ts";
import { createHost, type Host } from "../../tools/vm-lab/host.ts";
import { followConsole } from "./console-marks.ts";
import { IMAGE, openSite, type Site, type SiteOptions } from "./site.ts";
import { userData } from "./user-data.ts";

const GIB = 2 ** 30;
const USER_DATA = "user-data";

export interface Opening extends SiteOptions {
  /** Of the Machine. */
  readonly machine: string;
  readonly bootOrder: readonly ("network" | "disk")[];
  readonly diskGiB: readonly number[];
  /** Called when all is closed. */
  readonly after?: (site: Site) => Promise<void>;
}

export interface Stage {
  readonly site: Site;
  readonly host: Host;
}

/** What `spec.deploy` is in these tests; the system writes {@link MARKER} to a file. */
export const DEPLOY = { imageRef: { name: IMAGE }, userDataSecretRef: { name: USER_DATA } };
export const MARKER = randomUUID();

/** Registers the hooks of a describe block; what it gives may be called from the first test on. */
export function opening({ machine, bootOrder, diskGiB, after, ...options }: Opening): () => Stage {
  const open = new AsyncDisposableStack();
  let stage: Stage | null = null;

  beforeAll(async () => {
    const site = open.use(await openSite(options, AbortSignal.timeout(minutes(10))));
    const host = open.use(
      await createHost(site.lab, machine, {
        ...{ at: 0, firmware: "UEFI", bootOrder, memoryMiB: 3_072 },
        diskBytes: diskGiB.map((size) => size * GIB),
      }),
    );
    open.use(followConsole(host.vm, site.timeline));
    await site.apply(userData(USER_DATA, MARKER, site.webUrl));
    stage = { site, host };
  });
  afterAll(async () => {
    if (stage !== null) console.log(stage.site.timeline.print("timeline", "VM power On"));
    await open.disposeAsync();
    if (stage !== null) await after?.(stage.site);
  });
  return () => {
    if (stage === null) throw new Error("the site did not open");
    return stage;
  };
}
