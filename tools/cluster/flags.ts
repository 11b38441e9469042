/** The flags of each program: as a real control plane has them, save where speed or loopback asks. */
import { join } from "node:path";

/** The files of one control plane, all in its data folder. */
export function filesIn(dataDir: string) {
  const file = (name: string): string => join(dataDir, name);
  return {
    etcdData: file("etcd"),
    etcdSocket: file("etcd.sock"),
    etcdPeerSocket: file("peer.sock"),
    certDir: file("pki"),
    servingCert: file("pki/apiserver.crt"), // written by the API server, its CA last
    ca: file("ca.crt"),
    accountKey: file("service-account.key"),
    tokens: file("tokens.csv"),
    kubeconfig: file("kubeconfig"),
  };
}
type Files = ReturnType<typeof filesIn>;

/** etcd takes no socket for what it tells other members, of which there are none. */
const NOBODY_ASKS = "http://127.0.0.1:1";

/** Unix sockets need no port, and cannot be met by chance. A crash of the machine may lose data. */
export function etcdFlags(files: Files): readonly string[] {
  return [
    "--name=only",
    `--data-dir=${files.etcdData}`,
    `--listen-client-urls=unix://${files.etcdSocket}`,
    `--advertise-client-urls=${NOBODY_ASKS}`,
    `--listen-peer-urls=unix://${files.etcdPeerSocket}`,
    `--initial-advertise-peer-urls=${NOBODY_ASKS}`,
    `--initial-cluster=only=${NOBODY_ASKS}`,
    "--unsafe-no-fsync",
    "--quota-backend-bytes=8589934592",
    "--auto-compaction-retention=0", // the API server compacts
    "--log-level=error",
  ];
}

export interface ApiServerAddress {
  /** The address in its certificate, and in its URL. */
  readonly host: string;
  /** What it listens on: `host`, or 0.0.0.0. */
  readonly bind: string;
  readonly port: number;
}

export function apiServerFlags(files: Files, address: ApiServerAddress): readonly string[] {
  return [
    `--etcd-servers=unix://${files.etcdSocket}`,
    `--bind-address=${address.bind}`,
    `--advertise-address=${address.host}`,
    `--secure-port=${address.port}`,
    "--endpoint-reconciler-type=none",
    `--cert-dir=${files.certDir}`,
    "--authorization-mode=RBAC",
    `--token-auth-file=${files.tokens}`,
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${files.accountKey}`,
    `--service-account-signing-key-file=${files.accountKey}`,
    "--service-cluster-ip-range=10.96.0.0/16",
    "--allow-privileged=true",
    "--max-requests-inflight=1600",
    "--max-mutating-requests-inflight=800",
    "--profiling=false",
    "--v=0",
  ];
}

/** What tests need: collection of owned objects and of namespaces, ServiceAccounts, policies' types. */
const CONTROLLERS = [
  "garbage-collector-controller",
  "namespace-controller",
  "serviceaccount-controller",
  "root-ca-certificate-publisher-controller",
  "clusterrole-aggregation-controller",
  "validatingadmissionpolicy-status-controller",
  "deployment-controller",
  "replicaset-controller",
  "daemonset-controller",
];

export function controllerManagerFlags(files: Files): readonly string[] {
  return [
    `--kubeconfig=${files.kubeconfig}`,
    `--controllers=${CONTROLLERS.join(",")}`,
    `--root-ca-file=${files.ca}`,
    "--leader-elect=false",
    "--secure-port=0",
    "--profiling=false",
    "--concurrent-gc-syncs=20",
    "--kube-api-qps=500",
    "--kube-api-burst=1000",
    "--v=0",
  ];
}

export function schedulerFlags(files: Files): readonly string[] {
  return [
    `--kubeconfig=${files.kubeconfig}`,
    "--leader-elect=false",
    "--secure-port=0",
    "--profiling=false",
    "--v=0",
  ];
}
