import type { Cluster } from "../cluster/cluster.ts";
import { NAMESPACE } from "../room/manifests.ts";

const prefix = ({ kubeconfig, kubectl }: Cluster): string => `KUBECONFIG=${kubeconfig} ${kubectl}`;

/** The command that shows the same from another terminal. */
export const watchCommand = (cluster: Cluster): string => `${prefix(cluster)} get mach -A -w`;

/** @param machine the one that the examples are about */
export function whatNext(cluster: Cluster, machine: string): string {
  const it = `-n ${NAMESPACE} ${machine}`;
  const remove = `'[{"op": "remove", "path": "/spec/deploy"}]'`;
  return `
All are Deployed. In another terminal:

    export KUBECONFIG=${cluster.kubeconfig}
    alias kubectl=${cluster.kubectl}

    kubectl get mach -A -w                       # this table, live
    kubectl describe mach ${it}   # its conditions, and its story as Events
    kubectl get mtask -n ${NAMESPACE}                # what its agent was told, and how it went
    kubectl get minv ${it} -o yaml  # what its agent found

    # take its owner away: it is erased, and Ready for somebody else
    kubectl patch mach ${it} --type json -p ${remove}
    # give it back: it is deployed again
    kubectl patch mach ${it} --type merge -p '{"spec": {"deploy": {"imageRef": {"name": "debian-sim"}}}}'
    # boot it anew
    kubectl patch mach ${it} --type merge -p '{"spec": {"nonces": {"reboot": "1"}}}'

Ctrl-C ends all of it and leaves nothing behind.
`;
}
