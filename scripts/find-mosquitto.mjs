import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/**
 * Mosquitto's program, or undefined where there is none. Debian keeps it where only root's PATH leads.
 * `SURGEON_MOSQUITTO` names another; a file that does not exist hides it from the tests.
 */
export function findMosquitto() {
  const named = process.env.SURGEON_MOSQUITTO
  const folders = ['/usr/sbin', '/usr/local/sbin', ...(process.env.PATH ?? '').split(delimiter)]
  const candidates = named === undefined ? folders.map((folder) => join(folder, 'mosquitto')) : [named]
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return statSync(path).isFile()
    } catch {
      return false
    }
  })
}
