/** The firmware's boot menu through efivarfs: each file is four bytes of attributes and the value. */
import { readFile, unlink, writeFile } from "node:fs/promises";
import type { BootEntry } from "#agent/hardware.ts";
import { labelOf, loadOption, orderBytes, readOrder } from "./load-option.ts";
import { names } from "./sysfs.ts";

const GLOBAL_VARIABLE = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
/** Non-volatile, for boot services and at run time (UEFI section 8.2). */
const ATTRIBUTES = Buffer.from([0x07, 0, 0, 0]);

/**
 * Puts an entry first, in place of those with the same label.
 * @param folder where efivarfs is mounted
 * @returns whether it is there now: not where the firmware is Legacy, or its store is full
 */
export async function putFirst(folder: string, entry: BootEntry): Promise<boolean> {
  const at = (name: string): string => `${folder}/${name}-${GLOBAL_VARIABLE}`;
  const menu = await entries(folder);
  if (menu === null) return false;
  const mine = menu.filter(({ label }) => label === entry.label).map(({ number }) => number);
  const others = menu.map(({ number }) => number).filter((number) => !mine.includes(number));
  const number = mine[0] ?? free(others);
  const order = readOrder((await value(at("BootOrder"))) ?? Buffer.alloc(0));
  const rest = order.filter((one) => one !== number && !mine.includes(one));
  try {
    for (const old of mine.slice(1)) await unlink(at(nameOf(old)));
    await put(at(nameOf(number)), loadOption(entry));
    await put(at("BootOrder"), orderBytes([number, ...rest]));
  } catch {
    return false;
  }
  return true;
}

interface Listed {
  readonly number: number;
  readonly label: string;
}

async function entries(folder: string): Promise<readonly Listed[] | null> {
  const files = await names(folder);
  if (files.length === 0) return null;
  const numbers = files.flatMap((file) => {
    const found = /^Boot([0-9A-F]{4})-/.exec(file)?.[1];
    return found === undefined ? [] : [Number.parseInt(found, 16)];
  });
  return Promise.all(
    numbers.map(async (number) => {
      const option = await value(`${folder}/${nameOf(number)}-${GLOBAL_VARIABLE}`);
      return { number, label: option === null ? "" : labelOf(option) };
    }),
  );
}

const nameOf = (number: number): string =>
  `Boot${number.toString(16).toUpperCase().padStart(4, "0")}`;

function free(used: readonly number[]): number {
  for (let number = 0; ; number++) if (!used.includes(number)) return number;
}

async function value(path: string): Promise<Buffer | null> {
  const bytes = await readFile(path).catch(() => null);
  return bytes === null ? null : bytes.subarray(ATTRIBUTES.length);
}

/** One write call for the whole variable, as efivarfs wants it; an older, longer one is replaced. */
const put = (path: string, bytes: Buffer): Promise<void> =>
  writeFile(path, Buffer.concat([ATTRIBUTES, bytes]));
