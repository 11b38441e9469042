import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The kubectl of a control plane, and whom it speaks for. */
export interface Kubectl {
  readonly kubectl: string;
  readonly kubeconfig: string;
}

/** What kubectl prints; rejects with its complaint. */
export async function kubectl(
  { kubectl: program, kubeconfig }: Kubectl,
  args: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  try {
    const { stdout } = await run(program, ["--kubeconfig", kubeconfig, ...args], {
      signal,
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  } catch (error) {
    const told = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
    throw told === "" ? error : new Error(`kubectl ${args.join(" ")}: ${told}`, { cause: error });
  }
}
