import type { Engine } from '../../src/executor/engine.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'

/** Why tests that need it are skipped. */
export const noXnnpack = 'engine xnnpack is not installed (apt-get install libxnnpack0)'

/** Engine xnnpack; undefined where it is not installed. */
export async function xnnpackWhereInstalled(): Promise<Engine | undefined> {
  try {
    return await loadEngine('xnnpack')
  } catch {
    return undefined
  }
}
