import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Ipv4 } from "#base/ipv4.ts";
import { HttpError, type HttpReply, type HttpRequest } from "#netboot/http/message.ts";
import { fileSource } from "#netboot/http/source.ts";
import { GRUB_CONFIG, GRUB_RETRY } from "#netboot/ipxe/grub.ts";
import { diskFile, memoryFile, safeName, type TftpFile } from "#netboot/tftp/file.ts";
import type { RackConfig } from "./config.ts";
import { AGENT_FOLDER } from "./grub.ts";

/** First stages are smaller; what is larger is read from the disk. */
const IN_MEMORY = 4_194_304;

/** `GET /files/<name>`. */
export async function serveFile({ params }: HttpRequest, bootDir: string): Promise<HttpReply> {
  const name = safeName(params["name"] ?? "");
  return name === null ? notFound() : fromDisk(join(bootDir, name));
}

/** `GET /agent/<architecture>/<name>`. */
export async function serveAgentFile(
  { params }: HttpRequest,
  agentDirs: RackConfig["agentDirs"],
): Promise<HttpReply> {
  const path = agentFile(params["architecture"] ?? "", params["name"] ?? "", agentDirs);
  return path === null ? notFound() : fromDisk(path);
}

function agentFile(
  architecture: string,
  name: string,
  agentDirs: RackConfig["agentDirs"],
): string | null {
  const isKnown = architecture === "amd64" || architecture === "arm64";
  const dir = isKnown ? agentDirs[architecture] : undefined;
  const isOurs = name === "vmlinuz" || name === "initrd.img";
  return dir === undefined || !isOurs ? null : join(dir, name);
}

async function fromDisk(path: string): Promise<HttpReply> {
  try {
    return { source: await fileSource(path) };
  } catch (cause) {
    throw new HttpError(404, "not found", { cause });
  }
}

function notFound(): never {
  throw new HttpError(404, "not found");
}

export interface TftpFolders extends Pick<RackConfig, "bootDir" | "agentDirs"> {
  /** GRUB's config for who asks; `isRetry`: it could not fetch what the last one named. */
  readonly grub: (client: Ipv4, isRetry: boolean) => Promise<string>;
}

/**
 * What TFTP offers: first stages, GRUB's config, and the agent for where there is no HTTP. Small
 * files stay in memory; a new rack takes up new ones.
 */
export function tftpFiles({
  bootDir,
  agentDirs,
  grub,
}: TftpFolders): (name: string, client: Ipv4) => Promise<TftpFile | null> {
  const small = new Map<string, Promise<Uint8Array>>();
  return async (name, client) => {
    if (name === GRUB_CONFIG || name === GRUB_RETRY) {
      return memoryFile(Buffer.from(await grub(client, name === GRUB_RETRY)));
    }
    const path = pathOf(name, bootDir, agentDirs);
    const found = path === null ? null : await stat(path).catch(() => null);
    if (path === null || found === null || !found.isFile()) return null;
    if (found.size > IN_MEMORY) return diskFile(path);
    const bytes = small.get(path) ?? readFile(path);
    small.set(path, bytes);
    return memoryFile(await bytes);
  };
}

function pathOf(name: string, bootDir: string, agentDirs: RackConfig["agentDirs"]): string | null {
  const [folder, architecture = "", file = "", ...more] = name.split("/");
  if (folder !== AGENT_FOLDER) return join(bootDir, name);
  return more.length === 0 ? agentFile(architecture, file, agentDirs) : null;
}
