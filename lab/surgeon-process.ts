import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { patienceMs } from './patience.ts'

const surgeon = fileURLToPath(new URL('../cli/surgeon.js', import.meta.url))

/** A `surgeon` process of its own, as in production. */
export interface SurgeonProcess {
  readonly pid: number
  /** Rejects, with what it said last, when it ends before it is told to. */
  readonly ended: Promise<never>
  /** Asks it to end, with SIGTERM unless told otherwise, insists after a minute; resolves when it has. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/**
 * Starts `surgeon COMMAND --config FILE`. Its standard error is kept for the error message.
 * @param environment Variables beside this process's own.
 * @param under What it runs under: a program that becomes it, and that program's arguments.
 */
export function startSurgeon(
  command: string,
  configFile: string,
  environment: Readonly<Record<string, string>> = {},
  under: readonly string[] = [],
): SurgeonProcess {
  const [program, ...rest] = [...under, process.execPath, surgeon, command, '--config', configFile]
  const child: ChildProcess = spawn(program, rest, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...environment },
  })
  let said = ''
  let told = false
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4000)
  })
  const exit = once(child, 'exit')
  const ended = exit.then(([code, signal]) => {
    if (told) return new Promise<never>(() => {})
    throw new Error(`surgeon ${command} ended by itself (${code ?? signal}):\n${said}`)
  })
  ended.catch(() => undefined)
  return {
    pid: child.pid!,
    ended,
    async stop(signal = 'SIGTERM') {
      told = true
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill(signal)
      const insist = setTimeout(() => child.kill('SIGKILL'), patienceMs)
      await exit
      clearTimeout(insist)
    },
  }
}
