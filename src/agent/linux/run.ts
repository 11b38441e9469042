import { spawn } from "node:child_process";

const MAX_OUTPUT = 16 * 1_048_576;

/**
 * Runs a program without a shell, in the C locale, and gives its output. Rejects with what the
 * program says when it cannot be started or ends with another code than `fine`.
 */
export function run(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
  fine: (code: number | null) => boolean = (code) => code === 0,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      signal,
      killSignal: "SIGKILL",
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
    });
    const out: Buffer[] = [];
    let length = 0;
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length <= MAX_OUTPUT) out.push(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      said = `${said}${chunk}`.slice(-400);
    });
    child.once("error", (error) => reject(signal.aborted ? signal.reason : error));
    child.once("close", (code) => {
      if (fine(code)) resolve(Buffer.concat(out).toString());
      else reject(new Error(`${program}: ${said.trim() || `exit ${code}`}`));
    });
  });
}
