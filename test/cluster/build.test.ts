import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { buildControlPlane, PROGRAMS } from "../../tools/cluster/build.ts";

/** A Go that notes each build and writes a file where the binary should be. */
const FAKE_GO = `#!/bin/sh
here=$(dirname "$0")
case $1 in
env) cat "$here/version" ;;
build)
  echo build >>"$here/builds"
  [ ! -e "$here/broken" ] || { echo "main.go:1: no such thing" >&2; exit 1; }
  while [ "$1" != -o ]; do shift; done
  echo binary >"$2" ;;
esac
`;

describe("building the control plane", () => {
  let folder: string;
  const lines: string[] = [];
  const report = (line: string): void => void lines.push(line);
  const build = () =>
    buildControlPlane({ cacheDir: join(folder, "cache"), report }, AbortSignal.timeout(20_000));

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "steelyard-build-"));
    lines.length = 0;
    await writeFile(join(folder, "go"), FAKE_GO);
    await chmod(join(folder, "go"), 0o755);
    await writeFile(join(folder, "version"), "go1.26.0\nlinux\namd64\n");
    vi.stubEnv("PATH", `${folder}${delimiter}${process.env["PATH"]}`);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });
  const builds = async (): Promise<number> =>
    (await readFile(join(folder, "builds"), "utf8")).trim().split("\n").length;

  it("happens once, however many ask at once, and says that it takes long", async () => {
    const folders = await Promise.all([build(), build(), build()]);
    expect(new Set(folders).size).toBe(1);
    expect(await builds()).toBe(1);
    expect(lines[0]).toMatch(/^building the control plane/);
    expect(await readdir(folders[0] ?? "")).toEqual(expect.arrayContaining([...PROGRAMS]));
    expect(await readdir(join(folder, "cache"))).toHaveLength(1);
  });

  it("happens again for another Go", async () => {
    const first = await build();
    await writeFile(join(folder, "version"), "go1.27.0\nlinux\namd64\n");
    expect(await build()).not.toBe(first);
    expect(await builds()).toBe(2);
  });

  it("leaves nothing behind when it fails, and says what the compiler said", async () => {
    await writeFile(join(folder, "broken"), "");
    await expect(build()).rejects.toThrow("main.go:1: no such thing");
    expect(await readdir(join(folder, "cache"))).toEqual([]);
  });

  it("asks for a newer Go where this one cannot fetch its successor", async () => {
    await writeFile(join(folder, "version"), "go1.19.8\nlinux\namd64\n");
    await expect(build()).rejects.toThrow("Go 1.24 or newer");
  });
});
