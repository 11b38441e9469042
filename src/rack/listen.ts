import { ARCHITECTURES, type Architecture } from "#api/os-image.ts";
import { seconds } from "#base/duration.ts";
import { type HttpServer, serveHttp } from "#netboot/http/server.ts";
import { agentRoutes } from "./agent-api.ts";
import type { RackConfig, RackInterface } from "./config.ts";
import type { Desk } from "./desk.ts";
import { apiOf, type Endpoint, rackUrlOf } from "./endpoints.ts";
import { type HealthDeps, healthRoutes, type PlainDeps, plainRoutes } from "./plain-http.ts";
import type { ZoneKeys } from "./zone-keys.ts";

export interface Listening {
  readonly config: RackConfig;
  readonly desk: Desk;
  readonly keys: ZoneKeys;
  readonly plain: PlainDeps;
}

/** A long poll takes up to 30 s, and a grant may wait for the API server. */
const AGENT_PATIENCE = seconds(55);

/** Plain HTTP and the agent's API on one of our addresses. */
export async function serveInterface(
  where: RackInterface,
  opening: AsyncDisposableStack,
  { config, desk, keys, plain }: Listening,
  signal: AbortSignal,
): Promise<Endpoint> {
  const { address } = where;
  const { log, count } = desk;
  const http = await serveHttp(
    { address, port: config.ports.http },
    { routes: plainRoutes(plain), count: (event) => count("http", event), log },
    signal,
  );
  opening.use(http);
  const tls = { cert: keys.tlsCert, key: keys.tlsKey };
  const api = await serveHttp(
    { address, port: config.ports.api, tls },
    {
      routes: agentRoutes(desk),
      count: (event) => count("api-http", event),
      log,
      patience: AGENT_PATIENCE,
    },
    signal,
  );
  opening.use(api);
  return { ...where, httpPort: http.port, apiPort: api.port };
}

/** Architectures for which there is an agent. */
const agentsOf = ({ agentDirs }: RackConfig): ReadonlySet<Architecture> =>
  new Set(ARCHITECTURES.filter((architecture) => agentDirs[architecture] !== undefined));

/** What a boot script says, for who asks from that address. */
export function scripts(
  config: RackConfig,
  { caDigest, hmacKey }: ZoneKeys,
  endpoint: (remote: string) => Endpoint,
): PlainDeps["script"] {
  const { kernelArgs, localLoader } = config;
  const agents = agentsOf(config);
  return (remote) => {
    const at = endpoint(remote);
    const urls = { rackUrl: rackUrlOf(at), api: apiOf(at) };
    return { ...urls, caDigest, hmacKey, kernelArgs, localLoader, agents };
  };
}

/** On an address of its own, for the kubelet and Prometheus. */
export function serveHealth(
  { healthAddress, ports }: RackConfig,
  health: HealthDeps,
  { count, log }: Pick<Desk, "count" | "log">,
  signal: AbortSignal,
): Promise<HttpServer> {
  return serveHttp(
    { address: healthAddress, port: ports.health },
    { routes: healthRoutes(health), count: (event) => count("health", event), log },
    signal,
  );
}
