import { defineConfig } from "vitest/config";

// A busy host is slow; what is waited for says nothing about how long it may take.
const expectation = { poll: { timeout: 20_000 } };

// Two tiers: `unit` never boots a machine; `vm` boots real guests, of which two at once keep two cores busy.
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
          // Half the time that files take to be loaded; none leaves anything behind in a module.
          isolate: false,
          expect: expectation,
          // Left to itself vitest keeps one of two cores for its own, and much of a test's time is waiting for files.
          maxWorkers: 3,
        },
      },
      {
        test: {
          name: "vm",
          include: ["test/vm/**/*.test.ts"],
          globalSetup: "test/support/booted-store.ts",
          testTimeout: 300_000,
          expect: expectation,
          hookTimeout: 300_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
