import { defineConfig } from "vitest/config";

// Two tiers: `unit` never boots a machine; `vm` boots real guests and is run one file at a time,
// because two emulated guests on two cores only slow each other down.
export default defineConfig({
  test: {
    reporters: [
      "default",
      [
        "./test/support/summary-reporter.ts",
        { dir: process.env["VMBUILD_TEST_RESULTS"] ?? "test-results" },
      ],
    ],
    // A focused test must not hide the others, wherever the suite runs.
    allowOnly: false,
    projects: [
      {
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "test/unit/**/*.test.ts"],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: "vm",
          include: ["test/vm/**/*.test.ts"],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
