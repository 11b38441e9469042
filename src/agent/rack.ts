import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import type { Agent } from "node:https";
import type { Hello, Order, Report, Seed, Welcome } from "#api/agent.ts";
import type { Inventory } from "#api/machine-inventory.ts";
import type { Clock } from "#base/clock.ts";
import { readOrder, readSeed, readWelcome } from "./answers.ts";
import { type Answer, exchange, Unreachable } from "./http.ts";
import { Refused } from "./task-error.ts";
import { HEADERS, PATHS, signedText } from "./wire.ts";

/** More than a long poll takes. */
const ANSWER_MS = 60_000;
const MAX_ANSWER = 4 * 1_048_576;

/** The key that an agent makes for itself at each boot. */
export interface AgentKey {
  readonly secret: KeyObject;
  /** Raw, base64. */
  readonly publicKey: string;
}

export function makeAgentKey(): AgentKey {
  const { privateKey } = generateKeyPairSync("ed25519", {
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "der" },
  });
  const secret = createPrivateKey({ key: privateKey, format: "der", type: "pkcs8" });
  const { x = "" } = secret.export({ format: "jwk" });
  return { secret, publicKey: Buffer.from(x, "base64url").toString("base64") };
}

/**
 * The rack as the agent speaks to it (`#api/agent.ts`). One request at a time.
 * Methods throw {@link Refused} at 403 and {@link Unreachable} at anything else but success.
 */
export class Rack {
  readonly #base: string;
  readonly #connections: Agent;
  readonly #key: AgentKey;
  readonly #clock: Clock;
  #session = "";
  #lastTime = 0;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(api: string, connections: Agent, key: AgentKey, clock: Clock) {
    this.#base = `https://${api}`;
    this.#connections = connections;
    this.#key = key;
    this.#clock = clock;
  }

  async hello(who: Omit<Hello, "agentKey">, signal: AbortSignal): Promise<Welcome> {
    const hello: Hello = { ...who, agentKey: this.#key.publicKey };
    const body = Buffer.from(JSON.stringify(hello));
    const welcome = readWelcome((await this.#send("POST", PATHS.hello, {}, body, signal)).body);
    this.#session = welcome.order?.session ?? welcome.session;
    return welcome;
  }

  async inventory(inventory: Inventory, signal: AbortSignal): Promise<void> {
    await this.#signed("POST", PATHS.inventory, inventory, signal);
  }

  /** Resolves when the rack has it; for a change of state, when it is persisted. */
  async report(report: Report, signal: AbortSignal): Promise<void> {
    await this.#signed("POST", PATHS.report, report, signal);
  }

  async seed(signal: AbortSignal): Promise<Seed> {
    return readSeed((await this.#signed("GET", PATHS.seed, undefined, signal)).body);
  }

  /** The next order; `null` if none came within `seconds` (at most 30). */
  async next(seconds: number, signal: AbortSignal): Promise<Order | null> {
    const path = `${PATHS.next}?wait=${Math.ceil(seconds)}`;
    const answer = await this.#signed("GET", path, undefined, signal);
    if (answer.status === 204) return null;
    const order = readOrder(answer.body);
    this.#session = order.session;
    return order;
  }

  [Symbol.dispose](): void {
    this.#connections.destroy();
  }

  #signed(method: "GET" | "POST", path: string, content: unknown, signal: AbortSignal) {
    const turn = this.#queue.then(async () => {
      const body = Buffer.from(content === undefined ? "" : JSON.stringify(content));
      const answer = await this.#send(method, path, this.#proof(method, path, body), body, signal);
      const anew = answer.headers[HEADERS.session];
      if (typeof anew === "string") this.#session = anew;
      return answer;
    });
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  #proof(method: string, path: string, body: Buffer): Record<string, string> {
    this.#lastTime = Math.max(this.#clock.now(), this.#lastTime + 1);
    const time = String(this.#lastTime);
    const text = signedText(method, path, time, createHash("sha256").update(body).digest("hex"));
    return {
      [HEADERS.session]: this.#session,
      [HEADERS.time]: time,
      [HEADERS.signature]: sign(null, Buffer.from(text), this.#key.secret).toString("base64"),
    };
  }

  async #send(
    method: "GET" | "POST",
    path: string,
    proof: Readonly<Record<string, string>>,
    body: Buffer,
    signal: AbortSignal,
  ): Promise<Answer> {
    const headers = method === "POST" ? { "content-type": "application/json", ...proof } : proof;
    const question = { url: new URL(this.#base + path), method, headers, agent: this.#connections };
    const limited = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
    const whole = method === "POST" ? { ...question, body } : question;
    const answer = await exchange(whole, MAX_ANSWER, limited);
    if (answer.status === 403)
      throw new Refused(`${path}: ${answer.body.toString().slice(0, 200)}`);
    if (answer.status < 200 || answer.status > 299) {
      throw new Unreachable(`${path}: HTTP ${answer.status}`);
    }
    return answer;
  }
}
