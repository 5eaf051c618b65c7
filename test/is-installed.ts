import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Whether there is such a program on the PATH that tells its version. */
export async function isInstalled(program: string): Promise<boolean> {
  return promisify(execFile)(program, ['--version']).then(
    () => true,
    () => false,
  )
}
