/** A tenant of a scene: claims in a namespace of its own, as kubectl makes them. */
import { API_VERSION, KINDS, USER_DATA_TYPE } from "#api/group.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import { systemClock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import { createLog } from "#base/log.ts";
import { ObjectCache } from "#kube/cache.ts";
import { type Draft, isConflict } from "#kube/client.ts";
import { findCondition } from "#kube/conditions.ts";
import { EVENTS } from "#kube/events.ts";
import { noMetrics } from "#kube/metrics.ts";
import { Reflector } from "#kube/reflector.ts";
import { useCluster } from "#test/cluster/harness.ts";
import { applyManifest } from "../../tools/room/objects.ts";
import type { Scene } from "./scene.ts";

const PATIENCE = seconds(90);

export class Tenant {
  readonly scene: Scene;
  readonly namespace: string;
  readonly claims = new ObjectCache<MachineClaim>();

  private constructor(scene: Scene, namespace: string) {
    this.scene = scene;
    this.namespace = namespace;
  }

  /** Lets the namespace's claims into the scene's zone, and the operator read its user data. */
  static async moveIn(scene: Scene, namespace: string): Promise<Tenant> {
    const { client, zone, room, signal } = scene;
    const spec = { claimNamespaces: { names: [namespace] } };
    await client.mergePatch(KINDS.zone, { name: zone }, { spec }, {}, signal);
    await room.installed.admitOperator(namespace, signal);
    const tenant = new Tenant(scene, namespace);
    const log = createLog("tenant", "error");
    const options = { client, clock: systemClock, random: Math.random, log, metrics: noMetrics };
    const { claims: cache } = tenant;
    void new Reflector({ ...options, resource: KINDS.machineClaim, cache }).run(signal);
    await cache.synced(signal);
    return tenant;
  }

  async claim(name: string, spec: object = {}): Promise<void> {
    const metadata = { name, namespace: this.namespace };
    const manifest = { apiVersion: API_VERSION, kind: "MachineClaim", metadata, spec };
    await applyManifest(useCluster(), manifest, this.scene.signal);
  }

  async userData(name: string, userData: string): Promise<void> {
    const metadata = { name, namespace: this.namespace };
    const body = { apiVersion: "v1", kind: "Secret", metadata, type: USER_DATA_TYPE };
    await applyManifest(useCluster(), { ...body, stringData: { userData } }, this.scene.signal);
  }

  get(name: string): MachineClaim | undefined {
    return this.claims.get(`${this.namespace}/${name}`);
  }

  edit(name: string, spec: object): Promise<MachineClaim> {
    const { client, signal } = this.scene;
    return client.mergePatch<MachineClaim>(KINDS.machineClaim, this.at(name), { spec }, {}, signal);
  }

  /** As `kubectl delete --wait=false`. */
  async delete(name: string): Promise<void> {
    const { client, signal } = this.scene;
    await client.delete(KINDS.machineClaim, this.at(name), {}, signal);
  }

  /** Without its finalizer, which the operator puts back: only a version that has none is deleted. */
  async deleteByForce(name: string): Promise<void> {
    const { client, signal } = this.scene;
    const patch = { metadata: { finalizers: null } };
    for (;;) {
      const bare = await client.mergePatch(KINDS.machineClaim, this.at(name), patch, {}, signal);
      const { resourceVersion } = bare.metadata;
      try {
        await client.delete(KINDS.machineClaim, this.at(name), { resourceVersion }, signal);
        return;
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
  }

  at(name: string) {
    return { namespace: this.namespace, name };
  }

  /** Resolves to what the condition says once it has that status and reason. */
  async says(name: string, type: string, wanted: string): Promise<string> {
    let message = "";
    await this.until(name, `${type} ${wanted}`, (claim) => {
      const found = claim && findCondition(claim.status?.conditions, type);
      message = found?.message ?? "";
      return `${found?.status} ${found?.reason}` === wanted;
    });
    return message;
  }

  gone(name: string): Promise<void> {
    return this.until(name, "gone", (claim) => claim === undefined);
  }

  async until(
    name: string,
    what: string,
    holds: (claim: MachineClaim | undefined) => boolean,
  ): Promise<void> {
    const end = performance.now() + PATIENCE;
    while (!holds(this.get(name))) {
      if (performance.now() > end) {
        throw new Error(
          `not within ${PATIENCE / 1_000} s: ${name} ${what}; ${JSON.stringify(this.get(name)?.status)}`,
        );
      }
      await systemClock.sleep(seconds(0.05), this.scene.signal);
    }
  }

  /** Reasons of the Events about the claim. */
  async told(name: string): Promise<readonly string[]> {
    const { client, signal } = this.scene;
    const fieldSelector = `involvedObject.name=${name},involvedObject.kind=MachineClaim`;
    const options = { namespace: this.namespace, fieldSelector };
    const { items } = await client.list(EVENTS, options, signal);
    return items.map((event) => String((event as unknown as Draft)["reason"]));
  }
}
