import type { Engine } from '../../src/executor/engine.ts'
import { loadEngine } from '../../src/executor/load-engine.ts'

/** Engine tensorflow; undefined, and on stderr how to set it up, where it is not. */
export async function tensorflowWhereSetUp(): Promise<Engine | undefined> {
  try {
    return await loadEngine('tensorflow')
  } catch {
    process.stderr.write('tests of engine tensorflow are skipped: npm run setup:tensorflow sets it up\n')
    return undefined
  }
}
