import { existsSync, globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const lines = readFileSync("Dockerfile", "utf8").split("\n");
const ignored = readFileSync(".dockerignore", "utf8").trim().split("\n");
const copies = lines
  .filter((line) => line.startsWith("COPY "))
  .map((line) => line.slice("COPY ".length).split(" "));

const own = copies
  .filter(([first = ""]) => !first.startsWith("--from="))
  .flatMap((words) => words.slice(0, -1));
const foreign = copies.flatMap(([first = ""]) =>
  first.startsWith("--from=") ? [first.slice("--from=".length)] : [],
);
const stages = lines.flatMap((line) => /^FROM \S+ AS (\S+)$/.exec(line)?.[1] ?? []);

const packages = JSON.parse(readFileSync("package.json", "utf8")) as Record<string, object>;
const runtime = Object.keys(packages["dependencies"] ?? {});

/** The programs that a text starts: `node src/bin/x.ts`, in whatever notation. */
const programs = (text: string): readonly string[] => text.match(/src\/bin\/[\w-]+\.ts/g) ?? [];

describe("the image", () => {
  it.each(own)("copies %s, which is there and sent to the builder", (source) => {
    expect(existsSync(source)).toBe(true);
    expect(ignored).toContain(`!${source}`);
  });

  it.each(foreign)("takes the stage or context %s from somewhere", (name) => {
    const made = stages.includes(name) || existsSync(`images/${name}`);
    expect(made).toBe(true);
  });

  const manifests = globSync("config/**/*.yaml");
  it.each(["Dockerfile", ...manifests])("has the programs that %s starts", (path) => {
    const started = programs(readFileSync(path, "utf8"));
    expect(started.filter((file) => !existsSync(file))).toEqual([]);
    expect(started.filter((file) => ignored.includes(file))).toEqual([]);
  });

  it("is started by the Dockerfile and by both workloads", () => {
    const count = (path: string): number => programs(readFileSync(path, "utf8")).length;
    expect(count("Dockerfile")).toBe(2);
    expect(manifests.filter((path) => count(path) > 0)).toHaveLength(2);
  });

  it("has every package that its programs import", () => {
    const IMPORT = /^import\s(?!type\s)(?:[^"';]*?\sfrom\s)?"([^"#.][^"]*)"/gm;
    const missing = globSync("src/**/*.ts", { exclude: ["src/**/*.test.ts"] })
      .filter((file) => !ignored.some((path) => file.startsWith(path)))
      .flatMap((file) =>
        [...readFileSync(file, "utf8").matchAll(IMPORT)].map(([, name = ""]) => name),
      )
      .filter((name) => !name.startsWith("node:"))
      .filter((name) => !runtime.some((known) => name === known || name.startsWith(`${known}/`)));
    expect([...new Set(missing)]).toEqual([]);
  });

  it("imports nothing that stays outside", () => {
    const outside = ignored.filter((path) => path.startsWith("src/")).map((path) => path.slice(4));
    const names = outside.map(
      (path) => `"${path.replace(/^bin\//, "./").replace(/^sim/, "#sim/")}`,
    );
    const importing = globSync("src/**/*.ts", { exclude: ["src/**/*.test.ts"] })
      .filter((file) => !ignored.some((path) => file.startsWith(path)))
      .filter((file) => names.some((name) => readFileSync(file, "utf8").includes(`from ${name}`)));
    expect(importing).toEqual([]);
  });
});
