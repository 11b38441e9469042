import { defineConfig } from "vitest/config";

/**
 * In CI a test that only took too long is told ("retry x1") and does not throw a change away. One that
 * saw something wrong fails, if it was once in a hundred: a second erase is not undone by a good run.
 */
const retry = {
  count: process.env["CI"] ? 1 : 0,
  condition: /^(Test timed out|Hook timed out|not within)/,
};

/** Names the projects; nothing else. `unit` is the fast loop: no root, no cluster, under 30 s. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "test/*.test.ts", "test/compliance/**/*.test.ts"],
          testTimeout: 30_000, // so long only on a machine that is busy with other things
          retry,
          isolate: false, // nothing is mocked, so modules may be loaded once: a third of the time
        },
      },
      {
        test: {
          name: "cluster",
          include: ["test/cluster/**/*.test.ts", "test/scenarios/**/*.test.ts"],
          globalSetup: "test/cluster/global-setup.ts",
          testTimeout: 120_000,
          retry,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 900_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
