/** What vitest's JSON reports say, counted. */
import { readFileSync } from "node:fs";

/** The test that boots a real machine: without it nothing was tested. */
export const VM_TEST = "test/e2e/deploy.test.ts";

/** @param files of --reporter=json; one that is not there counts as a failure */
export function count(files) {
  const sum = { passed: 0, failed: 0, skipped: 0, vmPassed: 0 };
  for (const file of files) {
    const report = read(file);
    if (report === null) sum.failed += 1;
    else add(sum, report);
  }
  return sum;
}

function read(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return null;
  }
}

function add(sum, report) {
  for (const { name, status, assertionResults } of report.testResults) {
    const of = (state) => assertionResults.filter((one) => one.status === state).length;
    const passed = of("passed");
    const failed = of("failed");
    sum.passed += passed;
    // a file that did not even load, or whose hooks failed, has no failed test of its own
    sum.failed += failed === 0 && status === "failed" ? 1 : failed;
    sum.skipped += assertionResults.length - passed - failed;
    if (name.endsWith(VM_TEST)) sum.vmPassed += passed;
  }
}

/** The line that a run ends with. */
export function line({ passed, failed, skipped }) {
  const rest = skipped > 0 ? `, ${skipped} skipped` : "";
  return `${passed} passed, ${failed} failed${rest}`;
}
