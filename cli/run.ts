/** Runs a command with its own arguments; resolves with the exit code. */
export type Run = (args: readonly string[]) => Promise<number>
