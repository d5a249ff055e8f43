/** What a run has come to. */
export class Tally {
  builds = 0;
  retries = 0;
  /** Builds of a layer that a deletion took away meanwhile. */
  overtaken = 0;
  layers = 0;
  kills = new Map();
  upkeep = new Map();
  findings = [];
  skipped = [];
  /** What is found while a run is broken off says nothing. */
  isMuted = false;
  #startedAt = performance.now();

  count(counts, what) {
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }

  get killCount() {
    return [...this.kills.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Something that must not be: what, and the end of what was printed. */
  find(what, output = "") {
    if (this.isMuted) return;
    const tail = output.trim().split("\n").slice(-12).join("\n    ");
    this.findings.push(tail === "" ? what : `${what}\n    ${tail}`);
    process.stderr.write(`FOUND ${this.findings.at(-1)}\n`);
  }

  summary() {
    const list = (counts) =>
      [...counts].map(([what, count]) => `${count} ${what}`).join(", ") || "none";
    const seconds = Math.round((performance.now() - this.#startedAt) / 1000);
    return [
      `builds    ${this.builds} finished, ${this.retries} begun again, ${this.overtaken} overtaken by a deletion`,
      `kills     ${this.killCount}: ${list(this.kills)}`,
      `upkeep    ${list(this.upkeep)}`,
      `layers    ${this.layers}`,
      `time      ${seconds} s`,
      ...this.skipped.map((reason) => `skipped   ${reason}`),
      `findings  ${this.findings.length}`,
      ...this.findings.map((finding) => `  ${finding}`),
      "",
    ].join("\n");
  }
}
