import { setTimeout as sleep } from "node:timers/promises";
import { KINDS } from "#api/group.ts";
import type { Zone } from "#api/zone.ts";
import { systemClock } from "#base/clock.ts";
import { furnisher, OPERATOR_ACCOUNT, type ZoneKeys } from "#controllers/zone/furnish.ts";
import { isForbidden } from "#kube/client.ts";
import { KubeConfigConnection, loadKubeConfig } from "#kube/connection.ts";
import { HttpKubeClient } from "#kube/http-client.ts";
import { noMetrics } from "#kube/metrics.ts";
import type { ApiAccess } from "../../tools/cluster/request.ts";
import { Caller } from "./caller.ts";

/**
 * Makes a Zone and furnishes it as the operator does it, with the operator's permissions, asking again
 * as its queue does.
 */
export async function furnish(
  cluster: ApiAccess,
  zone: string,
  operatorKubeconfig: string,
  signal: AbortSignal,
): Promise<void> {
  const connection = new KubeConfigConnection(loadKubeConfig(operatorKubeconfig), systemClock);
  const options = { connection, clock: systemClock, metrics: noMetrics, userAgent: "test" };
  const makeKeys = async (): Promise<ZoneKeys> => ({
    ...{ hmacKey: "key", caCert: "ca", tlsCert: "cert", tlsKey: "key" },
  });
  const run = furnisher(new HttpKubeClient(options), makeKeys, OPERATOR_ACCOUNT, () =>
    performance.now(),
  );
  // It owns what is made for it: what has no owner is taken away by the garbage collector.
  const { status, body } = await new Caller(cluster).create(
    KINDS.zone,
    { name: zone },
    { spec: {} },
  );
  if (status !== 201) throw new Error(`Zone ${zone} could not be made: ${status} ${body}`);
  const object = JSON.parse(body) as Zone;
  try {
    for (let tries = 1; ; tries++) {
      const refused = await run(object, signal).catch((error: unknown) => error);
      if (refused === undefined) return;
      if (!isForbidden(refused) || tries === 20) throw refused;
      await sleep(100); // the authorizer hears of a new RoleBinding a moment later
    }
  } finally {
    await connection.close();
  }
}
