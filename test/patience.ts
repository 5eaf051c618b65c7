/**
 * How long a test waits in real time for what must happen. It ends what hangs, below the limit of a test, so that a failure
 * shows more than that; a machine that is slow or busy is no fault.
 */
export const patienceMs = 600_000
