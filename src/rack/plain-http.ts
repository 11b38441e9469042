/** What a rack offers over plain HTTP: nothing of it is secret, and nothing of it changes a disk. */
import { PLAIN_PATHS } from "#api/agent.ts";
import type { ImageCache } from "#images/cache.ts";
import { type Route, text } from "#netboot/http/message.ts";
import { guarded } from "./agent-api.ts";
import { serveImage } from "./artifacts.ts";
import { FILE_PATHS } from "./boot-script.ts";
import { type BootDeps, serveBoot } from "./boots.ts";
import type { RackConfig } from "./config.ts";
import { serveAgentFile, serveFile } from "./files.ts";
import { type PhoneDeps, phoneHome } from "./phone-home.ts";

export interface PlainDeps extends BootDeps, PhoneDeps {
  readonly caCert: string;
  readonly images: ImageCache;
  readonly config: Pick<RackConfig, "bootDir" | "agentDirs">;
}

export function plainRoutes(deps: PlainDeps): readonly Route[] {
  const { desk, config, images, caCert } = deps;
  return [
    {
      method: "GET",
      path: "/boot",
      handle: (request, signal) => serveBoot(request, deps, signal),
    },
    {
      method: "GET",
      path: `${FILE_PATHS.files}:name*`,
      handle: (request) => serveFile(request, config.bootDir),
    },
    {
      method: "GET",
      path: `${FILE_PATHS.agent}:architecture/:name`,
      handle: (request) => serveAgentFile(request, config.agentDirs),
    },
    {
      method: "GET",
      path: `${PLAIN_PATHS.images}:digest`,
      handle: (request, signal) => serveImage(request, { desk, images }, signal),
    },
    { method: "GET", path: PLAIN_PATHS.ca, handle: () => text(caCert) },
    { method: "GET", path: PLAIN_PATHS.time, handle: () => text(String(desk.clock.now())) },
    {
      method: "POST",
      path: `${PLAIN_PATHS.phoneHome}:token`,
      handle: guarded(desk, (request, signal) => phoneHome(request, deps, signal)),
    },
  ];
}

export interface HealthDeps {
  readonly isReady: () => boolean;
  /** In Prometheus' text format. */
  readonly metrics: () => Promise<string>;
}

/** For the kubelet and Prometheus; on an address of its own, away from the machines. */
export function healthRoutes({ isReady, metrics }: HealthDeps): readonly Route[] {
  const headers = { "content-type": "text/plain; version=0.0.4; charset=utf-8" };
  return [
    { method: "GET", path: "/healthz", handle: () => text("ok\n") },
    {
      method: "GET",
      path: "/readyz",
      handle: () => (isReady() ? text("ok\n") : text("the view is not complete yet\n", 503)),
    },
    {
      method: "GET",
      path: "/metrics",
      handle: async () => ({ status: 200, headers, body: await metrics() }),
    },
  ];
}
