import type { Engine } from '../../src/executor/engine.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'

/** Why tests that need it are skipped. */
export const noTensorflow = 'engine tensorflow is not set up (npm run setup:tensorflow)'

/** Engine tensorflow; undefined where it is not set up. */
export async function tensorflowWhereSetUp(): Promise<Engine | undefined> {
  try {
    return await loadEngine('tensorflow')
  } catch {
    return undefined
  }
}
