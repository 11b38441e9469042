import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { Requirements } from "#api/placement.ts";

const FOLDERS = "src|test|docs|config|examples|tools|images|bench|crds";
const LINK = /\]\((?!https?:)([^)#\s]+)(#[^)\s]*)?\)/g;
const PATH = new RegExp(`(?<![\\w./-])(?:${FOLDERS})/[\\w./-]+\\.(?:ts|md|yaml|sh)`, "g");

const first = (found: Iterable<RegExpMatchArray>): string[] =>
  [...found].map(([all, one]) => one ?? all);

describe("the documents name what is there", () => {
  it.each(["README.md", "CONTRIBUTING.md", ...globSync("docs/**/*.md")])("%s", (file) => {
    const text = readFileSync(file, "utf8");
    const links = first(text.matchAll(LINK)).map((link) => join(dirname(file), link));
    const paths = first(text.matchAll(PATH));
    const missing = [...links, ...paths].filter((path) => !existsSync(path));
    expect(missing.filter((path) => !path.includes("NNNN"))).toEqual([]);
  });

  it("docs/pools-and-claims.md names each requirement, and none that is not there", () => {
    const text = readFileSync("docs/pools-and-claims.md", "utf8");
    const named = [...text.matchAll(/`requirements\.(\w+)`/g)].map(([, field]) => field);
    expect([...new Set(named)].toSorted()).toEqual(Object.keys(Requirements.shape).toSorted());
  });

  it("docs/dependencies.md has a row for each runtime dependency", () => {
    const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
    const rows = readFileSync("docs/dependencies.md", "utf8").match(/^\| `[^`]+`/gm) ?? [];
    const named = rows.map((row) => row.slice(3, -1));
    expect(named.toSorted()).toEqual(Object.keys(dependencies).toSorted());
  });
});
