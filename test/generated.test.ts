import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CRDS, document, generatedFiles } from "../src/bin/generated.ts";

const read = (path: string): string => readFileSync(path, "utf8");
const files = generatedFiles(read);

describe("generated files: `npm run generate` brings them up to date", () => {
  it.each([...files])("%s is what the code makes", (path, text) => {
    expect(read(path)).toBe(text);
  });

  it("crds/ holds nothing else", () => {
    const there = readdirSync(CRDS).map((name) => `${CRDS}/${name}`);
    expect(there.filter((path) => !files.has(path))).toEqual([]);
  });
});

describe("a document", () => {
  const text = "by hand\n<!-- BEGIN part -->\nold\n<!-- END part -->\nby hand too\n";

  it("keeps what was written by hand", () => {
    expect(document("a.md", { part: "new" }, () => text)).toEqual([
      "a.md",
      text.replace("old", "new"),
    ]);
  });

  it("must say where its parts go", () => {
    expect(() => document("a.md", { other: "new" }, () => text)).toThrow("BEGIN other");
  });
});
