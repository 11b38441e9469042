/**
 * A little of iPXE (https://ipxe.org/scripting): as much as boot scripts of racks contain. A line
 * is a command, or several joined by `||` and `&&`; one that fails ends the script.
 */

/** What a script comes to. */
export type IpxeResult =
  | { readonly kind: "Linux"; readonly commandLine: string }
  /** An EFI program was loaded, or the BIOS boots the disk. */
  | { readonly kind: "Local" }
  | { readonly kind: "Exit" };

export interface IpxeDeps {
  /** Settings by name, e.g. `netX/mac:hexhyp`. */
  readonly settings: Readonly<Record<string, string>>;
  /** What is behind a URL, or at least its beginning; `null` if it cannot be had. */
  readonly fetch: (url: string, signal: AbortSignal) => Promise<Buffer | null>;
  readonly sleep: (seconds: number, signal: AbortSignal) => Promise<void>;
}

type Step =
  | { readonly kind: "ok" | "failed" }
  | { readonly kind: "goto"; readonly label: string }
  | { readonly kind: "script"; readonly text: string }
  | { readonly kind: "end"; readonly result: IpxeResult };

const OK: Step = { kind: "ok" };
const FAILED: Step = { kind: "failed" };
const MAGIC = "#!ipxe";

/** Runs the script at a URL, and those that it chains to. */
export async function runIpxe(
  url: string,
  deps: IpxeDeps,
  signal: AbortSignal,
): Promise<IpxeResult> {
  let text: string | null = (await deps.fetch(url, signal))?.toString() ?? null;
  while (text?.startsWith(MAGIC) === true) {
    const end: Step = await new Script(text, deps).run(signal);
    if (end.kind === "end") return end.result;
    text = end.kind === "script" ? end.text : null;
  }
  return { kind: "Exit" };
}

class Script {
  readonly #lines: readonly string[];
  readonly #deps: IpxeDeps;
  #kernel: string | null = null;

  constructor(text: string, deps: IpxeDeps) {
    this.#lines = text.split("\n").map((line) => line.trim());
    this.#deps = deps;
  }

  /** Until it ends, or chains to another. */
  async run(signal: AbortSignal): Promise<Step> {
    for (let at = 0; at < this.#lines.length; at++) {
      signal.throwIfAborted();
      const step = await this.#line(this.#lines[at] ?? "", signal);
      if (step.kind === "goto") at = this.#lines.indexOf(`:${step.label}`);
      else if (step.kind !== "ok") return step;
      if (at < 0) return FAILED;
    }
    return OK;
  }

  async #line(line: string, signal: AbortSignal): Promise<Step> {
    if (line === "" || line.startsWith("#") || line.startsWith(":")) return OK;
    const parts = line.split(/\s(\|\||&&)\s/);
    let step = await this.#command(parts[0] ?? "", signal);
    for (let at = 1; at < parts.length; at += 2) {
      const wanted = parts[at] === "||" ? "failed" : "ok";
      if (step.kind === wanted) step = await this.#command(parts[at + 1] ?? "", signal);
    }
    return step;
  }

  async #command(text: string, signal: AbortSignal): Promise<Step> {
    const filled = text.replaceAll(/\$\{([^}]+)\}/g, (_, name) => this.#deps.settings[name] ?? "");
    const [command = "", ...args] = filled.trim().split(/\s+/);
    const words = args.filter((arg) => !arg.startsWith("--"));
    const run = this.#commands[command];
    return run === undefined ? FAILED : run(words, signal);
  }

  readonly #commands: Readonly<
    Record<string, (words: readonly string[], signal: AbortSignal) => Promise<Step> | Step>
  > = {
    imgfree: () => OK,
    initrd: () => OK,
    kernel: ([, ...line]) => {
      this.#kernel = line.join(" ");
      return OK;
    },
    boot: () =>
      this.#kernel === null
        ? FAILED
        : { kind: "end", result: { kind: "Linux", commandLine: this.#kernel } },
    sanboot: () => ({ kind: "end", result: { kind: "Local" } }),
    exit: () => ({ kind: "end", result: { kind: "Exit" } }),
    goto: ([label = ""]) => ({ kind: "goto", label }),
    iseq: ([a, b]) => (a === b ? OK : FAILED),
    sleep: async ([time], signal) => {
      await this.#deps.sleep(Number(time), signal);
      return OK;
    },
    chain: async ([url = ""], signal) => {
      const bytes = await this.#deps.fetch(url, signal);
      if (bytes === null) return FAILED;
      const text = bytes.toString("latin1");
      if (text.startsWith(MAGIC)) return { kind: "script", text: bytes.toString() };
      return { kind: "end", result: { kind: "Local" } };
    },
  };
}
