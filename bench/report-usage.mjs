// Loaded into the measured process: writes what the kernel counted for it when it ends.
import { writeFileSync } from "node:fs";

process.on("exit", () => {
  const { maxRSS } = process.resourceUsage();
  writeFileSync(process.env.VMBUILD_USAGE, JSON.stringify({ maxRssBytes: maxRSS * 1024 }));
});
