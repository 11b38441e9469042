import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { systemClock } from "#base/clock.ts";
import { Credentials } from "#bmc/credentials.ts";
import type { BmcDriver } from "#bmc/driver.ts";
import { openGate } from "#bmc/gate.ts";
import { openBmc } from "#bmc/open.ts";
import { createCa, issueServer } from "#pki/certificate.ts";
import { failureOf } from "#test/fakes/bad-bmc.ts";
import { installSushy, type Sushy } from "../../tools/sushy/install.ts";

/** A Redfish service that nobody here wrote: HTTP Basic, no sessions, no ETags, slow power. */
const sushy: Sushy | null = await installSushy(AbortSignal.timeout(300_000)).catch((error) => {
  console.warn(`SKIPPED: sushy-tools cannot be installed here: ${String(error).split("\n")[0]}`);
  return null;
});

const UUIDS = [1, 2].map((n) => `10000000-0000-0000-0000-00000000000${n}`);
const [UUID = ""] = UUIDS;
const PASSWORD = "sushy-secret";

interface Emulator extends AsyncDisposable {
  open(systemPath?: string): BmcDriver;
}

async function start({ bin }: Sushy): Promise<Emulator> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.adopt(await mkdtempDisposable(join(tmpdir(), "sushy-")), (made) =>
    made.remove(),
  );
  const port = await freePort();
  const child = stack.adopt(await run(bin, folder.path, port), ({ process }) => end(process));
  const all = stack.move();
  return {
    open: (systemPath = "") =>
      openBmc(
        `redfish://127.0.0.1:${port}${systemPath}`,
        new Credentials("admin", PASSWORD),
        { mode: "Verify", ca: child.ca },
        { clock: systemClock, gate: openGate },
      ),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function run(
  bin: string,
  folder: string,
  port: number,
): Promise<{ readonly process: ChildProcess; readonly ca: string }> {
  const now = Date.now();
  const ca = createCa("sushy", { now });
  const issued = issueServer(ca, { dns: [], ips: ["127.0.0.1"] }, { now });
  const hash = `import bcrypt, sys; print(bcrypt.hashpw(sys.argv[1].encode(), bcrypt.gensalt(4)).decode())`;
  const { stdout } = await promisify(execFile)(join(bin, "python"), ["-c", hash, PASSWORD]);
  const systems = UUIDS.map((uuid, at) => ({
    uuid,
    name: `fake${at}`,
    power_state: "Off",
    nics: [{ mac: `00:5c:52:31:3a:0${at}`, ip: "127.0.0.1" }],
  }));
  const config = [
    "SUSHY_EMULATOR_FAKE_DRIVER = True",
    `SUSHY_EMULATOR_STATE_DIR = ${JSON.stringify(folder)}`,
    `SUSHY_EMULATOR_AUTH_FILE = ${JSON.stringify(join(folder, "htpasswd"))}`,
    `SUSHY_EMULATOR_FAKE_SYSTEMS = ${JSON.stringify(systems)}`,
    "for system in SUSHY_EMULATOR_FAKE_SYSTEMS: system['external_notifier'] = False",
  ];
  await writeFile(join(folder, "htpasswd"), `admin:${stdout.trim()}\n`);
  await writeFile(join(folder, "conf.py"), `${config.join("\n")}\n`);
  await writeFile(join(folder, "bmc.crt"), issued.certificate);
  await writeFile(join(folder, "bmc.key"), issued.key);
  const args = ["--fake", "--config", "conf.py", "-i", "127.0.0.1", "-p", String(port)];
  const tls = ["--ssl-certificate", "bmc.crt", "--ssl-key", "bmc.key"];
  const child = spawn(join(bin, "sushy-emulator"), [...args, ...tls], {
    cwd: folder,
    stdio: "ignore",
  });
  return { process: child, ca: ca.certificate };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return address.port;
}

const patience = (): AbortSignal => AbortSignal.timeout(60_000);

/** Asks again and again: until it is up, and until its random delays are over. */
async function reaches(bmc: BmcDriver, power: "on" | "off"): Promise<boolean> {
  const signal = patience();
  const now = (): Promise<string> =>
    bmc.observe(signal).then(
      (seen) => seen.power,
      (error: unknown) => String(error),
    );
  for (let seen = await now(); seen !== power; seen = await now()) {
    if (signal.aborted) throw new Error(`still ${seen}`);
    await setTimeout(200, undefined, { signal });
  }
  return true;
}

describe.skipIf(sushy === null)("sushy-tools' emulator", () => {
  it("is driven: identity, boot from the network, restart, off", async () => {
    if (sushy === null) return;
    await using emulator = await start(sushy);
    await using bmc = emulator.open(`/redfish/v1/Systems/${UUID}`);
    expect(await reaches(bmc, "off")).toBe(true);
    expect((await bmc.observe(patience())).systemUuid).toBe(UUID);
    await bmc.bootOnce("network", "UEFI", patience());
    expect(await reaches(bmc, "on")).toBe(true);
    await bmc.restart(patience());
    await bmc.setPower("off", patience());
    expect(await reaches(bmc, "off")).toBe(true);
  });

  it("has two systems, and the driver wants to know which", async () => {
    if (sushy === null) return;
    await using emulator = await start(sushy);
    await using named = emulator.open(`/redfish/v1/Systems/${UUID}`);
    await reaches(named, "off");
    await using bmc = emulator.open();
    const failure = await failureOf(bmc.observe(patience()));
    expect(failure.reason).toBe("BmcAddressInvalid");
    expect(failure.message).toContain(UUIDS.at(-1) ?? "");
  });
});
