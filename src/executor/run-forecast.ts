import { type PendingJob, type RunBacklog, type RunJob, RunQueue } from './run-queue.ts'

export interface ExpectedRun {
  /** Milliseconds from the backlog's time until its first segment begins: all work that goes before it. */
  readonly waitMs: number
  /** Until its last segment ends, what goes in between included. */
  readonly finishMs: number
}

/** Distinct from every id, which are texts of the caller's making. */
const newcomerId = '\0newcomer'

/**
 * When a new job would begin and end, if no other came and every segment took as long as expected: the queue itself is
 * stepped on from the backlog in virtual time, so that there is one rule of what goes first and not two. Hosts that are
 * away are taken for ready. O(segments ahead x jobs).
 */
export function expectedRun(backlog: RunBacklog, newcomer: Omit<RunJob, 'id'>): ExpectedRun {
  const { atMs } = backlog
  const queue = RunQueue.from(backlog)
  /** By job. What is over its time ends at once. */
  const ends = new Map<string, number>()
  for (const { id, running } of backlog.jobs) {
    if (running !== undefined) ends.set(id, Math.max(atMs, running.endMs))
  }
  queue.add({ ...newcomer, id: newcomerId })
  let beginMs: number | undefined
  for (let nowMs = atMs; ; nowMs = Math.min(...ends.values())) {
    for (const [id, endMs] of ends) {
      if (endMs > nowMs) continue
      ends.delete(id)
      const state = queue.done(id, nowMs)
      if (id === newcomerId && state !== 'waits') return { waitMs: beginMs! - atMs, finishMs: nowMs - atMs }
    }
    for (let step = queue.next(nowMs); step !== undefined; step = queue.next(nowMs)) {
      if (step.job.id === newcomerId) beginMs ??= nowMs
      ends.set(step.job.id, nowMs + step.job.segmentsMs[step.segment]!)
    }
  }
}

/**
 * The job of which a host would begin a segment next, if the one that it computes ended as expected and nothing else
 * changed before. O(jobs).
 */
export function expectedNext(
  backlog: RunBacklog,
  host: string,
  isReady: (host: string) => boolean,
): PendingJob | undefined {
  const current = backlog.jobs.find((job) => job.host === host && job.running !== undefined)
  if (current === undefined) return undefined
  const queue = RunQueue.from(backlog)
  const nowMs = Math.max(backlog.atMs, current.running!.endMs)
  queue.done(current.id, nowMs)
  const next = queue.next(nowMs, isReady)?.job
  return next?.host === host ? backlog.jobs.find(({ id }) => id === next.id) : undefined
}
