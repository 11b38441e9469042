/** Reads what the rack answers. It was checked by its certificate: this catches mistakes, no more. */
import type { Order, Seed, Welcome } from "#api/agent.ts";
import { Unreachable } from "./http.ts";

type Loose = Readonly<Record<string, unknown>>;

/** @throws {@link Unreachable} if it is no JSON object */
function object(body: Buffer): Loose {
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch (cause) {
    throw new Unreachable("the rack's answer is no JSON", { cause });
  }
  return loose(value);
}

function loose(value: unknown): Loose {
  if (typeof value !== "object" || value === null) throw odd("is no object");
  return value as Loose;
}

const odd = (what: string): Unreachable => new Unreachable(`the rack's answer ${what}`);

const texts = (value: Loose, ...keys: readonly string[]): boolean =>
  keys.every((key) => typeof value[key] === "string");

export function readOrder(body: Buffer): Order {
  return order(object(body));
}

function order(value: Loose): Order {
  if (!texts(value, "task", "type", "machine", "session")) throw odd("is no order");
  return value as Order;
}

export function readWelcome(body: Buffer): Welcome {
  const value = object(body);
  const fine = texts(value, "session") && typeof value["lingerSeconds"] === "number";
  if (!fine) throw odd("to hello is no welcome");
  if (value["order"] !== undefined) order(loose(value["order"]));
  return value as Welcome;
}

export function readSeed(body: Buffer): Seed {
  const value = object(body);
  if (!texts(value, "meta-data", "user-data", "vendor-data")) throw odd("is no seed");
  return value as Seed;
}
