import { X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { type Daemon, startDaemon, untilReady } from "./daemon.ts";
import { type ApiServerAddress, apiServerFlags, type filesIn } from "./flags.ts";
import type { Programs } from "./programs.ts";
import { type ApiAccess, apiRequest } from "./request.ts";

export interface ApiServer {
  readonly access: ApiAccess;
  /** Its process id; null while it is stopped. */
  readonly pid: number | null;
  /** Starts it and waits for /readyz; on the same address as before. */
  start(signal: AbortSignal): Promise<void>;
  /** Kills it, as a crash would; nothing happens if it is stopped. */
  stop(): Promise<void>;
}

/** A stopped API server. */
export function apiServer(
  files: ReturnType<typeof filesIn>,
  address: ApiServerAddress,
  adminToken: string,
  programs: Programs,
  dataDir: string,
): ApiServer {
  const access = {
    url: `https://${address.host}:${address.port}`,
    caFile: files.ca,
    adminToken,
  };
  let daemon: Daemon | null = null;
  return {
    access,
    get pid() {
      return daemon?.pid ?? null;
    },
    start: async (signal) => {
      if (daemon !== null) throw new Error("the API server is running");
      daemon = await startDaemon(
        "kube-apiserver",
        apiServerFlags(files, address),
        programs,
        dataDir,
      );
      await untilReady(daemon, () => isReady(files.servingCert, access, signal), signal);
    },
    stop: async () => {
      await daemon?.kill();
      daemon = null;
    },
  };
}

async function isReady(
  servingCert: string,
  access: ApiAccess,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    if (!(await extractCa(servingCert, access.caFile))) return false;
    return (await apiRequest(access, "GET", "/readyz", undefined, signal)).status === 200;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Error && "code" in error) return false; // no file yet, nobody listens
    throw error;
  }
}

/**
 * The API server signs its certificate by a CA that it makes and appends to it. Says false while
 * that file is not yet whole.
 */
async function extractCa(servingCert: string, caFile: string): Promise<boolean> {
  const chain = (await readFile(servingCert, "utf8")).split(/(?=-----BEGIN )/);
  const ca = chain.at(-1) ?? "";
  if (!new X509Certificate(ca).ca) return false;
  await writeFile(caFile, ca);
  return true;
}

/**
 * A port that is free now, below the range that the kernel gives to outgoing connections, so that it
 * is still free after a restart of who takes it.
 */
export async function freePort(host: string): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, host, () => resolve(true));
    });
    await new Promise((resolve) => server.close(resolve));
    if (free) return port;
  }
}
