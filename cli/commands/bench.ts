import { UsageError } from '../../src/terminal/usage-error.ts'
import { benches } from '../benches.ts'

export async function bench(args: readonly string[]): Promise<number> {
  const [name = '', ...rest] = args
  const measured = Object.hasOwn(benches, name) ? benches[name] : undefined
  if (measured === undefined) {
    throw new UsageError(
      `surgeon bench must be told what to measure: ${Object.keys(benches).join(', ')}; current value is '${name}'`,
    )
  }
  const run = await measured.load()
  return run(rest)
}
