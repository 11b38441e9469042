import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { Agent as Connections, request } from "node:https";
import { HEADERS, type Hello, KERNEL_ARGS, PATHS, signedText } from "#api/agent.ts";
import type { Inventory } from "#api/machine-inventory.ts";

export interface Answer {
  readonly status: number;
  /** The header. */
  readonly retryAfter: string | undefined;
  /** The session in the header, where it was renewed. */
  readonly session: string | undefined;
  readonly text: string;
  /** Undefined where it is no JSON. */
  readonly body: unknown;
}

/** The least that speaks to a rack as an agent does: real signatures over real TLS. */
export class TestAgent implements Disposable {
  readonly agentKey: string;
  /** `host:port`: an agent may go on with another rack of its zone. */
  api: string;
  session = "";
  /** Of the next request; goes up by itself. */
  time = Date.now();
  readonly #secret: KeyObject;
  readonly #connections: Connections;

  constructor(api: string, ca: string, servername: string) {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    this.#secret = privateKey;
    const spki = publicKey.export({ format: "der", type: "spki" });
    this.agentKey = spki.subarray(-32).toString("base64");
    this.api = api;
    this.#connections = new Connections({ ca, servername, keepAlive: true });
  }

  [Symbol.dispose](): void {
    this.#connections.destroy();
  }

  hello(token: string, difference: Partial<Hello> = {}): Promise<Answer> {
    const who = { token, agentKey: this.agentKey, macAddresses: ["52:54:00:00:00:01"] };
    return this.#send("POST", PATHS.hello, {}, JSON.stringify({ ...who, ...difference }));
  }

  inventory(inventory: Inventory): Promise<Answer> {
    return this.signed("POST", PATHS.inventory, inventory);
  }

  report(task: string, state: string, more: object = {}): Promise<Answer> {
    return this.signed("POST", PATHS.report, { task, state, ...more });
  }

  seed(): Promise<Answer> {
    return this.signed("GET", PATHS.seed);
  }

  next(seconds: number): Promise<Answer> {
    return this.signed("GET", `${PATHS.next}?wait=${seconds}`);
  }

  signed(method: string, path: string, content?: unknown): Promise<Answer> {
    const body = content === undefined ? "" : JSON.stringify(content);
    this.time += 1;
    const time = String(this.time);
    const hash = createHash("sha256").update(body).digest("hex");
    const text = signedText(method, path, time, hash);
    const signature = sign(null, Buffer.from(text), this.#secret).toString("base64");
    const headers = {
      [HEADERS.session]: this.session,
      [HEADERS.time]: time,
      [HEADERS.signature]: signature,
    };
    return this.#send(method, path, headers, body);
  }

  #send(
    method: string,
    path: string,
    headers: Record<string, string>,
    body: string,
  ): Promise<Answer> {
    const url = `https://${this.api}${path}`;
    return new Promise((resolve, reject) => {
      const sent = request(url, { method, headers, agent: this.#connections }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          const { statusCode: status = 0, headers: told } = response;
          const header = (name: string) => (told[name] === undefined ? undefined : `${told[name]}`);
          const [retryAfter, session] = [header("retry-after"), header(HEADERS.session)];
          resolve({ status, retryAfter, session, text, body: parsed(text) });
        });
      });
      sent.once("error", reject);
      sent.end(body);
    });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What the kernel's command line in a boot script says; `null`: it does not boot the agent. */
export function readScript(script: string): { api: string; rack: string; token: string } | null {
  const value = (name: string): string =>
    new RegExp(`${name.replace(".", "\\.")}=(\\S+)`).exec(script)?.[1] ?? "";
  if (!script.includes("\nkernel ")) return null;
  return {
    api: value(KERNEL_ARGS.api),
    rack: value(KERNEL_ARGS.rack),
    token: value(KERNEL_ARGS.token),
  };
}
