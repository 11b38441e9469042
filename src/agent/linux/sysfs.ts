import { readdir, readFile, readlink } from "node:fs/promises";
import { basename } from "node:path";

/** An attribute's text without the newline; `undefined` if it is not there or empty. */
export async function attribute(path: string): Promise<string | undefined> {
  try {
    const text = (await readFile(path, "utf8")).replaceAll("\0", "").trim();
    return text === "" ? undefined : text;
  } catch {
    return undefined; // some attributes answer EINVAL or ENODATA instead of not being there
  }
}

export async function numberAt(path: string): Promise<number | undefined> {
  const text = await attribute(path);
  const value = Number(text);
  return text === undefined || !Number.isFinite(value) ? undefined : value;
}

/** The last part of where a link points to. */
export async function linkName(path: string): Promise<string | undefined> {
  try {
    return basename(await readlink(path));
  } catch {
    return undefined;
  }
}

export async function names(path: string): Promise<readonly string[]> {
  try {
    return (await readdir(path)).sort();
  } catch {
    return [];
  }
}
