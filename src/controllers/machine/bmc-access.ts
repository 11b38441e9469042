import type { Machine } from "#api/machine.ts";
import { isBlank, readRecord } from "#api/record.ts";
import { Failure } from "#base/failure.ts";
import { keyOf } from "#base/object.ts";
import { Credentials } from "#bmc/credentials.ts";
import type { BmcDriver } from "#bmc/driver.ts";
import { normalPin, type TlsPolicy } from "#bmc/tls.ts";
import { type SecretReader, textOf } from "#controllers/secrets.ts";
import { pending } from "#lifecycle/facts.ts";
import type { OpenBmc } from "./deps.ts";
import { remembered } from "./evidence.ts";

/** Which BMC, with which account: what a pool of connections goes by. */
export interface BmcKey {
  readonly address: string;
  readonly credentials: Credentials;
  /** Changes when the Secret does: a new one is tried where the old one was refused. */
  readonly credentialsVersion: string;
  readonly tls: TlsPolicy;
}

/** Opens a Machine's BMC with the Secret that it names. */
export async function openMachineBmc(
  machine: Machine,
  secrets: SecretReader,
  lease: (key: BmcKey) => BmcDriver,
  signal: AbortSignal,
): Promise<OpenBmc> {
  const { bmc } = machine.spec;
  const secret = await named(machine, bmc.credentialsRef.name, secrets, signal);
  const username = textOf(secret, "username");
  const password = textOf(secret, "password");
  if (username === undefined || password === undefined) {
    const ref = keyOf(secret.metadata);
    throw new Failure("SecretNotFound", `Secret ${ref} needs the keys username and password.`);
  }
  const credentialsVersion = secret.metadata.resourceVersion;
  const tls = await policyOf(machine, secrets, signal);
  const credentials = new Credentials(username, password);
  const driver = lease({ address: bmc.address, credentials, credentialsVersion, tls });
  return { driver, credentialsVersion };
}

async function named(machine: Machine, name: string, secrets: SecretReader, signal: AbortSignal) {
  const { namespace = "default" } = machine.metadata;
  const secret = await secrets.get({ namespace, name }, signal);
  if (secret !== null) return secret;
  const message = `There is no Secret "${name}" in namespace "${namespace}": create it.`;
  throw new Failure("SecretNotFound", message);
}

async function policyOf(
  machine: Machine,
  secrets: SecretReader,
  signal: AbortSignal,
): Promise<TlsPolicy> {
  const { tls } = machine.spec.bmc;
  switch (tls?.mode) {
    case "Insecure":
      return { mode: "Insecure" };
    case "Pin":
      return { mode: "Pin", pin: normalPin(tls.fingerprintSHA256 ?? "") };
    case "Verify": {
      const { name } = tls.caBundleRef ?? { name: "" };
      const ca = textOf(await named(machine, name, secrets, signal), "ca.crt");
      if (ca === undefined) throw new Failure("SecretNotFound", `Secret "${name}" lacks ca.crt.`);
      return { mode: "Verify", ca };
    }
    case "PinOnFirstUse":
    case undefined:
      return { mode: "PinOnFirstUse", pin: pinOf(machine) };
  }
}

/** What the BMC showed first; none while a person says that what is there now is right. */
function pinOf(machine: Machine): string | null {
  const { identity, applied } = remembered(machine, readRecord(machine));
  const asked = pending(
    machine.spec.nonces ?? {},
    isBlank(machine.status) ? applied?.nonces : (applied?.nonces ?? {}),
  );
  return asked.includes("acceptHardware") ? null : (identity?.bmcFingerprint ?? null);
}
