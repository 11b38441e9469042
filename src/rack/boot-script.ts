import { KERNEL_ARGS } from "#api/agent.ts";
import type { Architecture } from "#api/os-image.ts";
import { holdScript, linuxScript, localScript } from "#netboot/ipxe/script.ts";
import type { BootAnswer } from "./boot-policy.ts";
import { BOOT_TOKEN_LIFE, named } from "./desk.ts";
import { type BootToken, sealToken } from "./tokens.ts";

/** What a script is made of beside the answer. */
export interface ScriptDeps {
  /** Base URL over plain HTTP, and `host:port` of the agent API, as the machine reaches them. */
  readonly rackUrl: string;
  readonly api: string;
  readonly caDigest: string;
  readonly hmacKey: Uint8Array;
  readonly kernelArgs: readonly string[];
  readonly localLoader: string;
  /** Architectures for which there is an agent. */
  readonly agents: ReadonlySet<Architecture>;
  readonly nonce: string;
  readonly now: number;
}

/** Who asks, and how it may ask again. */
export interface ScriptClient {
  readonly mac: string;
  readonly architecture: Architecture;
  readonly selfUrl: string;
  /** The same for one whose kernel could not be fetched. */
  readonly retryUrl: string;
}

/** How long a machine that waits does so before it asks again. */
export const HOLD_SECONDS = 10;

export const FILE_PATHS = { files: "/files/", agent: "/agent/" } as const;

/** What iPXE is to run. @throws {@link UnsafeValue} for an argument that cannot stand in a script */
export function bootScript(answer: BootAnswer, client: ScriptClient, deps: ScriptDeps): string {
  switch (answer.kind) {
    case "Agent":
      return deps.agents.has(client.architecture) ? agent(answer, client, deps) : local(deps);
    case "Hold":
      return holdScript({ selfUrl: client.selfUrl, seconds: HOLD_SECONDS });
    case "Memory": // no image has a kernel and an initrd of its own yet
    case "Local":
    case "Silence":
    case "AddressOnly":
      return local(deps);
  }
}

const local = ({ rackUrl, localLoader }: ScriptDeps): string =>
  localScript({ loaderUrl: `${rackUrl}${FILE_PATHS.files}${localLoader}` });

function agent(
  answer: BootAnswer & { kind: "Agent" },
  { mac, architecture, retryUrl }: ScriptClient,
  deps: ScriptDeps,
): string {
  const files = `${deps.rackUrl}${FILE_PATHS.agent}${architecture}`;
  return linuxScript({
    kernelUrl: `${files}/vmlinuz`,
    initrdUrls: [`${files}/initrd.img`],
    args: agentArgs(answer, mac, deps),
    retryUrl,
  });
}

/** The agent's command line: whom it may believe, and who it is. */
export function agentArgs(
  { machine, task }: BootAnswer & { kind: "Agent" },
  mac: string,
  deps: ScriptDeps,
): readonly string[] {
  const token: BootToken = {
    kind: "boot",
    expires: deps.now + BOOT_TOKEN_LIFE,
    mac,
    nonce: deps.nonce,
    ...(machine !== null && { machine: named(machine) }),
    ...(task !== null && { task: named(task) }),
  };
  return [
    `${KERNEL_ARGS.rack}=${deps.rackUrl}`,
    `${KERNEL_ARGS.api}=${deps.api}`,
    `${KERNEL_ARGS.ca}=${deps.caDigest}`,
    `${KERNEL_ARGS.token}=${sealToken(token, deps.hmacKey)}`,
    ...(machine === null ? [`${KERNEL_ARGS.stranger}=yes`] : []),
    ...deps.kernelArgs,
  ];
}
