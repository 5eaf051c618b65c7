import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startEmbedded } from '../brokers/embedded.ts'
import { repositoryRoot } from '../paths.ts'

const run = promisify(execFile)
const root = fileURLToPath(repositoryRoot)
let folder: string
let packed: string
let unreachable: string | undefined

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surgeon-packed-'))
  await run(process.execPath, [join(root, 'scripts/pack.mjs'), folder])
  packed = join(folder, (await readdir(folder))[0]!)
  unreachable = await run('npm', ['view', 'mqtt', 'version'], { cwd: folder }).then(
    () => undefined,
    () => 'the npm registry is not reached',
  )
  // A registry that stalls says nothing of the package; one that answers on the second try does.
  for (let tries = 0; unreachable === undefined && !(await install()); tries++)
    if (tries === 1)
      unreachable = 'the npm registry stalls: five minutes did not do for an installation, twice'
})
afterAll(() => rm(folder, { recursive: true }))

/**
 * As a user does: in an empty folder, with nothing set that would keep install scripts from running.
 * @returns whether it ended in time.
 */
async function install(): Promise<boolean> {
  await rm(join(folder, 'empty'), { recursive: true, force: true })
  await mkdir(join(folder, 'empty'))
  const isTold = ([name]: [string, unknown]) => !/^(npm_|onnxruntime)/i.test(name)
  const env = Object.fromEntries(Object.entries(process.env).filter(isTold))
  // The prefix keeps what lies in folders above out of it.
  const empty = join(folder, 'empty')
  const options = { cwd: empty, env, timeout: 300_000 }
  return run('npm', ['install', '--prefix', empty, '--no-audit', '--no-fund', packed], options).then(
    () => true,
    (error: Error & { readonly killed?: boolean }) => {
      if (error.killed === true) return false
      throw error
    },
  )
}

test('the package holds the notices of what it redistributes, and neither tests nor maps', async () => {
  const { stdout } = await run('tar', ['tzf', packed], { maxBuffer: 1 << 26 })
  const files = stdout.split('\n')
  const engine = 'package/node_modules/onnxruntime-node'
  for (const file of [
    'package/LICENSE',
    'package/NOTICE.md',
    `${engine}/LICENSE`,
    'package/dist/api/surgeon.d.ts',
  ])
    expect(files).toContain(file)
  expect(files.filter((file) => /dist\/test|\.map$|\.env|state\//.test(file))).toEqual([])
})

describe('installed in an empty folder', () => {
  test('answers on the command line with both engines', async ({ skip }) => {
    skip(unreachable !== undefined, unreachable)
    for (const engine of ['onnxruntime', 'wasm']) {
      const { stdout } = await run(
        join(folder, 'empty/node_modules/.bin/surgeon'),
        ['infer', join(root, 'photos/cat.jpg'), '--model', 'mobilenetv2', '--engine', engine, '--json'],
        { cwd: join(folder, 'empty') },
      )
      expect((JSON.parse(stdout) as { top: { label: string }[] }[])[0]!.top[0]!.label).toBe('tiger cat')
    }
  })

  test("runs the README's program, which is shorter than ten lines", async ({ skip }) => {
    skip(unreachable !== undefined, unreachable)
    const program = await readmeProgram()
    expect(program.trim().split('\n').length).toBeLessThan(10)
    const broker = await startEmbedded()
    try {
      const own = program.replaceAll('mqtt://127.0.0.1:1883', broker.url)
      expect(own).not.toBe(program)
      const file = join(folder, 'empty/program.mjs')
      await writeFile(file, `${own}\nawait agent.stop()\nawait worker.stop()\n`)
      const { stdout } = await run(process.execPath, [file], {
        cwd: join(folder, 'empty'),
        env: { ...process.env, XDG_CACHE_HOME: join(folder, 'cache') },
      })
      expect(stdout).toMatch(/wound: '.+',\n {2}codec: '.+',\n {2}predictedMs: \d/)
    } finally {
      await broker.stop()
    }
  })

  test('has types', async ({ skip }) => {
    skip(unreachable !== undefined, unreachable)
    const file = join(folder, 'empty/typed.mts')
    await writeFile(
      file,
      `${(await readmeProgram()).replace('plan }', 'loadModel, plan }')}
const { hash, graph } = await loadModel('mobilenetv2')
const layers: number = graph.layers.length
// @ts-expect-error a number is no device
createAgent({ device: 1, mqtt, model: hash })
`,
    )
    const tsc = join(root, 'node_modules/.bin/tsc')
    const strict = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node']
    const types = ['--typeRoots', join(root, 'node_modules/@types')]
    await expect(
      run(tsc, [...strict, ...types, '--skipLibCheck', file], { cwd: folder }),
    ).resolves.toMatchObject({
      stdout: '',
    })
  })
})

async function readmeProgram(): Promise<string> {
  const readme = await readFile(join(root, 'README.md'), 'utf8')
  return /```js\n([\s\S]*?)```/.exec(readme)![1]!
}
