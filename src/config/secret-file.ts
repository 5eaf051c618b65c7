import { readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'

/**
 * A secret kept outside the configuration: the first line of a file. A name that is not absolute is that of a systemd
 * credential (`LoadCredential=`), where there are any.
 * @throws {Error} where it cannot be read.
 */
export function readSecret(path: string): string {
  const credentials = process.env['CREDENTIALS_DIRECTORY']
  const file = isAbsolute(path) || credentials === undefined ? path : join(credentials, path)
  return readFileSync(file, 'utf8').split(/\r?\n/)[0]!
}
