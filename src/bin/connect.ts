import type { Clock } from "#base/clock.ts";
import { KubeConfigConnection, KubeConfigError, loadKubeConfig } from "#kube/connection.ts";

/** To the API server that the settings name; if they name none it says so, and the program ends with 2. */
export function connect(kubeconfig: string | undefined, clock: Clock): KubeConfigConnection {
  try {
    return new KubeConfigConnection(loadKubeConfig(kubeconfig), clock);
  } catch (error) {
    if (!(error instanceof KubeConfigError)) throw error;
    console.error(error.message);
    process.exit(2);
  }
}
