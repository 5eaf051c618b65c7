import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { repositoryRoot } from './paths.ts'

const surgeon = fileURLToPath(new URL('dist/cli/surgeon.js', repositoryRoot))

/** The command as people type it, in a process of its own. */
export function runSurgeon(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [surgeon, ...args], (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err })
    })
  })
}
