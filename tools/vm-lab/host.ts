import { systemClock } from "#base/clock.ts";
import { GENERIC, type Personality } from "#sim/personality.ts";
import { type Account, RedfishBmc } from "#sim/redfish-bmc.ts";
import { RedfishServer } from "#sim/redfish-server.ts";
import type { Lab } from "./lab.ts";
import { createVm, type LabVm, type LabVmOptions } from "./vm.ts";

/** A real virtual machine with a BMC that speaks Redfish on loopback, outside the lab. */
export interface Host extends AsyncDisposable {
  readonly name: string;
  readonly vm: LabVm;
  readonly bmc: RedfishBmc;
  /** As `spec.bmc.address` wants it. */
  readonly bmcAddress: string;
}

export const ACCOUNT: Account = { username: "admin", password: "a-real-bmc" };

export async function createHost(
  lab: Lab,
  name: string,
  options: LabVmOptions & { readonly personality?: Partial<Personality> },
): Promise<Host> {
  await using stack = new AsyncDisposableStack();
  const vm = stack.use(await createVm(lab, options));
  const server = stack.use(new RedfishServer());
  const personality = { ...GENERIC, ...options.personality };
  const bmc = new RedfishBmc(vm.machine, { personality, account: ACCOUNT, clock: systemClock });
  const bmcAddress = await server.add(name, bmc, { host: "127.0.0.1", port: 0 });
  const kept = stack.move();
  return { name, vm, bmc, bmcAddress, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
