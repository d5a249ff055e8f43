/** What the parts of one phase share. */
export function contextOf(rig, tally, { isStopped = () => false, pauseMs = 1000 } = {}) {
  return { rig, tally, isStopped, pauseMs, live: new Set(), deletions: 0 };
}
