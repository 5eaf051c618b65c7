import type { Run } from './run.ts'

export interface Command {
  /** What stands before the options. */
  readonly operands?: string
  /** One line. */
  readonly summary: string
  /** `--name` or `--name VALUE`, and what it does. */
  readonly options: Readonly<Record<string, string>>
  /** Without the program's name. */
  readonly examples: readonly string[]
  /** What the command is made of, where its first word says which. */
  readonly parts?: Readonly<Record<string, Command>>
  /** Loaded only when called, so that `surgeon help` needs no engine. */
  readonly load: () => Promise<Run>
}

/** Of commands that print a table otherwise. */
export const jsonOption = { '--json': 'data on stdout and nothing else' }
