import { expect, test } from "vitest";
import { deferred } from "../machine/deferred.ts";
import { SharedBoots } from "./shared-boots.ts";

test("who comes during a boot waits for it, however it comes out", async () => {
  const boots = new SharedBoots();
  const { signal } = new AbortController();
  for (const outcome of ["well", "badly"]) {
    const end = deferred<void>();
    const booting = boots.run("a", async () => {
      await end.promise;
      if (outcome === "badly") throw new Error("no boot");
      return outcome;
    });
    booting.catch(() => {});
    expect([boots.isBooting("a"), boots.isBooting("b")]).toEqual([true, false]);
    let waits = true;
    const waiter = boots.ended("a", signal).then(() => (waits = false));
    await Promise.resolve();
    expect(waits).toBe(true);
    end.settle();
    await waiter;
    expect(boots.isBooting("a")).toBe(false);
    if (outcome === "well") expect(await booting).toBe("well");
    else await expect(booting).rejects.toThrow("no boot");
  }
  await boots.ended("a", signal);
});

test("an aborted signal ends the waiting, not the boot", async () => {
  const boots = new SharedBoots();
  const end = deferred<void>();
  const booting = boots.run("a", () => end.promise);
  const stop = new AbortController();
  const waiter = boots.ended("a", stop.signal);
  stop.abort();
  await waiter;
  expect(boots.isBooting("a")).toBe(true);
  end.settle();
  await booting;
});
