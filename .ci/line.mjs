/** Prints CI's last line from vitest's reports: `node line.mjs FAILED_STAGES REPORT…`. */
import { count, line, VM_TEST } from "../tools/commands/report.mjs";

const [stages, ...reports] = process.argv.slice(2);
const sum = count(reports);
if (reports.length > 0 && sum.passed === 0) {
  console.log("no test ran");
  sum.failed += 1;
}
if (reports.length > 0 && sum.vmPassed === 0) {
  console.log(`${VM_TEST} did not pass: no real machine was deployed`);
  sum.failed += 1;
}
// a stage that failed without a failed test, e.g. types
sum.failed = Math.max(sum.failed, Number(stages));
console.log(line(sum));
process.exitCode = sum.failed === 0 ? 0 : 1;
