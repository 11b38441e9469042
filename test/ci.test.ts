import { spawnSync } from "node:child_process";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

interface File {
  readonly name?: string;
  readonly status?: "passed" | "failed";
  readonly tests: readonly ("passed" | "failed" | "skipped")[];
}

const VM: File = { name: "/clone/test/e2e/deploy.test.ts", tests: ["passed"] };

/** What CI's last step makes of such reports of vitest. */
function lastLine(reports: readonly (readonly File[])[], failedStages = 0) {
  using folder = mkdtempDisposableSync(join(tmpdir(), "ci-"));
  const files = reports.map((report, at) => {
    const path = join(folder.path, `${at}.json`);
    const testResults = report.map(({ name = "/clone/a.test.ts", status = "passed", tests }) => ({
      name,
      status: tests.includes("failed") ? "failed" : status,
      assertionResults: tests.map((state) => ({ status: state })),
    }));
    writeFileSync(path, JSON.stringify({ testResults }));
    return path;
  });
  const args = [".ci/line.mjs", String(failedStages), ...files];
  const { stdout, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
  return { line: stdout.trimEnd().split("\n").at(-1), status };
}

describe("CI's last line", () => {
  it("adds up what passed in all reports", () => {
    const reports = [[{ tests: ["passed", "passed"] }], [VM]] as const;
    expect(lastLine(reports)).toEqual({ line: "3 passed, 0 failed", status: 0 });
  });

  it("tells what was skipped", () => {
    expect(lastLine([[VM, { tests: ["skipped"] }]])).toEqual({
      line: "1 passed, 0 failed, 1 skipped",
      status: 0,
    });
  });

  it.each([
    { what: "a test failed", files: [VM, { tests: ["failed"] }] },
    { what: "a file did not load", files: [VM, { status: "failed", tests: [] }] },
    { what: "the test with a real machine was skipped", files: [{ ...VM, tests: ["skipped"] }] },
    { what: "the test with a real machine is not there", files: [{ tests: ["passed"] }] },
    { what: "nothing ran", files: [] },
  ] as const)("is a failure when $what", ({ files }) => {
    const { line, status } = lastLine([files]);
    expect(status).toBe(1);
    expect(line).not.toContain(" 0 failed");
  });

  it("is a failure when a stage failed, though every test passed", () => {
    expect(lastLine([[VM]], 1)).toEqual({ line: "1 passed, 1 failed", status: 1 });
    expect(lastLine([], 1)).toEqual({ line: "0 passed, 1 failed", status: 1 });
  });

  it("is a failure when a report is missing", () => {
    const { stdout, status } = spawnSync(
      process.execPath,
      [".ci/line.mjs", "0", join(tmpdir(), "no-such-report.json")],
      { encoding: "utf8" },
    );
    expect({ stdout, status }).toMatchObject({ status: 1 });
    expect(stdout).toContain("0 passed,");
  });
});
