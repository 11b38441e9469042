/** The one binary with all of Kubernetes' programs. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type BuildOptions, buildGo } from "./go-build.ts";

const SOURCES = import.meta.dirname;
const NEEDS_GO =
  "Go 1.24 or newer builds the local control plane. Install it, or set KUBEBUILDER_ASSETS to a " +
  "folder that has etcd, kube-apiserver, kube-controller-manager and kubectl.";

/** The names that the binary answers to; see main.go. */
export const PROGRAMS = [
  "etcd",
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kubectl",
  "netns-door",
] as const;
export type Program = (typeof PROGRAMS)[number];

/** The folder that has every one of {@link PROGRAMS}; see {@link buildGo}. */
export async function buildControlPlane(
  options: BuildOptions,
  signal: AbortSignal,
): Promise<string> {
  const program = {
    sources: SOURCES,
    binary: "control-plane",
    links: PROGRAMS,
    flags: await buildFlags(),
    what: "the control plane",
    takes: "about 5 minutes",
    packages: 2_600,
    needsGo: NEEDS_GO,
  };
  return await buildGo(program, options, signal);
}

/** Stripped, and saying which Kubernetes it is. */
async function buildFlags(): Promise<readonly string[]> {
  const mod = await readFile(join(SOURCES, "go.mod"), "utf8");
  const [, version, major, minor] = /^\s*k8s\.io\/kubernetes (v(\d+)\.(\d+)\.\d+)/m.exec(mod) ?? [];
  const server = "k8s.io/component-base/version";
  const names = {
    [`${server}.gitVersion`]: version,
    [`${server}.gitMajor`]: major,
    [`${server}.gitMinor`]: minor,
    "k8s.io/client-go/pkg/version.gitVersion": version,
  };
  const set = Object.entries(names).map(([name, value]) => `-X ${name}=${value}`);
  return ["-ldflags", ["-s", "-w", ...set].join(" ")];
}
