import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { repositoryRoot } from '../paths.ts'

const mutants = new URL('scripts/mutants/', repositoryRoot)

/** Names that a compiled test takes from Vitest. */
function takenFromVitest(code: string): string[] {
  const [, names = ''] = /^import \{ ([^}]+) \} from 'vitest'/m.exec(code) ?? []
  return names.split(', ')
}

test('the runner of `npm run mutants` has all that its tests take from Vitest', async () => {
  const config = JSON.parse(await readFile(new URL('stryker.config.json', mutants), 'utf8')) as {
    decides: string[]
  }
  const runner = (await import(new URL('in-process-runner.mjs', mutants).href)) as {
    testFiles: (name: string) => string[]
  }
  const ours = (await import(new URL('vitest-in-process.mjs', mutants).href)) as object
  const files = config.decides.flatMap((name) => runner.testFiles(name))
  expect(files.length).toBeGreaterThan(config.decides.length)
  for (const file of files) {
    const code = await readFile(new URL(file, repositoryRoot), 'utf8')
    expect({ file, missing: takenFromVitest(code).filter((name) => !(name in ours)) }).toEqual({
      file,
      missing: [],
    })
  }
})
