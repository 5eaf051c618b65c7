/** What became of reading codes: all, or the bytes ended too early, or they are not what was written. */
export const readOutcome = { whole: 0, truncated: 1, damaged: 2 } as const
