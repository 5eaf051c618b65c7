import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { benches } from '../../cli/benches.ts'
import { commands } from '../../cli/commands.ts'
import { commandHelp } from '../../cli/help.ts'
import { repositoryRoot } from '../paths.ts'
import { runSurgeon } from '../run-surgeon.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surgeon-cli-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function configFile(name: string, config: unknown): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, typeof config === 'string' ? config : JSON.stringify(config))
  return path
}

const agent = { device: 'pi', mqtt: { url: 'mqtt://127.0.0.1:1' }, model: 'mobilenetv2' }

test('surgeon help lists every command and exit code, within 80 columns, and each command has examples', async () => {
  const { code, out } = await runSurgeon('help')
  expect(code).toBe(0)
  for (const command of Object.keys(commands)) {
    expect(out).toMatch(new RegExp(`^  ${command} `, 'm'))
    expect(commandHelp(command)).toContain(`\n  surgeon ${command} `.trimEnd())
    for (const line of commandHelp(command).split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  }
  for (const name of Object.keys(benches)) {
    const { out: help } = await runSurgeon('bench', name, '--help')
    expect(help).toContain(`Usage: surgeon bench ${name} [OPTIONS]`)
    expect(help).toContain(`\n  surgeon bench ${name}`)
    for (const line of help.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  }
  expect(out).toMatch(/ 64 .*\n *78 /)
  for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
})

test('surgeon --version prints the version alone', async () => {
  const { version } = JSON.parse(await readFile(new URL('package.json', repositoryRoot), 'utf8')) as {
    version: string
  }
  expect(await runSurgeon('--version')).toEqual({ code: 0, out: `${version}\n`, err: '' })
})

test('the options that help lists are those that commands take', async () => {
  const all = [
    ...Object.entries(commands),
    ...Object.entries(benches).map(([name, each]) => [`bench-${name}`, each] as const),
  ]
  for (const [name, { options }] of all) {
    const source = await readFile(new URL(`cli/commands/${name}.ts`, repositoryRoot), 'utf8')
    const taken = [...source.matchAll(/^ {6}'?([a-z-]+)'?: \{ type: '(?:string|boolean)'/gm)].map(
      ([, one]) => one!,
    )
    const listed = Object.keys(options).map((option) => option.split(/[ =]/)[0]!.slice(2))
    expect(taken.filter((option) => !listed.includes(option))).toEqual([])
  }
})

test('the completion script is understood by bash, and completes commands and options', async () => {
  const { out } = await runSurgeon('completion', 'bash')
  const complete = (...words: string[]) =>
    `COMP_WORDS=(surgeon ${words.join(' ')}); COMP_CWORD=${words.length}; _surgeon; echo "\${COMPREPLY[@]}"`
  const { stdout } = await promisify(execFile)('bash', [
    '-c',
    `${out}\n${complete('wo')}\n${complete('plan', '--up')}\n${complete('bench', 'tr')}\n${complete('bench', 'live', '--bl')}`,
  ])
  expect(stdout).toBe('worker wounds\n--uplink\ntransport\n--black-hole\n')
})

test('surgeon agent --check-config: 0 for a good file, 78 with every fault for a bad one', async () => {
  expect(await runSurgeon('agent', '--check-config', await configFile('good.yaml', agent))).toMatchObject({
    code: 0,
    err: '',
  })
  const bad = await runSurgeon(
    'agent',
    '--check-config',
    await configFile('bad.yaml', { ...agent, policy: 'fast', modle: 1 }),
  )
  expect(bad.code).toBe(78)
  expect(bad.err).toMatch(/policy: /)
  expect(bad.err).toMatch(/modle/)
})

test('an unknown command, option or value exits with 64 and says what is known', async () => {
  expect(await runSurgeon('operate')).toMatchObject({
    code: 64,
    err: expect.stringContaining('surgeon help'),
  })
  expect(await runSurgeon('agnet')).toMatchObject({
    code: 64,
    err: expect.stringContaining('Did you mean agent?'),
  })
  expect(await runSurgeon('plan', '--uplnk', '3')).toMatchObject({
    code: 64,
    err: expect.stringContaining('Did you mean --uplink?'),
  })
  expect(await runSurgeon('agent', '--fast')).toMatchObject({
    code: 64,
    err: expect.stringContaining('--fast'),
  })
  expect(await runSurgeon('demo', '--edge-slowdown', '0')).toMatchObject({ code: 64 })
})

test.each([
  ['there is no such model', 'alexnet99', /Cannot load model alexnet99/],
  ['it has no weights', 'resnet50', /Cannot serve model resnet50: it has no weights .* weights: random }/],
  [
    'it has weights of its own',
    { model: 'mobilenetv2', weights: 'random' },
    /Cannot serve model mobilenetv2: weights must be left out/,
  ],
])(
  'agent and worker end with 78 where %s, at the start as when the file is checked',
  async (_, model, text) => {
    const files = {
      agent: await configFile('model.yaml', { ...agent, model }),
      worker: await configFile('models.yaml', {
        worker: 'w',
        mqtt: agent.mqtt,
        models: ['mobilenetv2', model],
      }),
    }
    for (const command of ['agent', 'worker'] as const) {
      const config = ['--config', files[command]]
      expect(await runSurgeon(command, ...config)).toMatchObject({
        code: 78,
        err: expect.stringMatching(text),
      })
      expect(await runSurgeon(command, ...config, '--check-config')).toMatchObject({ code: 78 })
    }
  },
)

test('weights are random only where the configuration says so', async () => {
  const named = { model: 'resnet50', weights: 'random' }
  const file = await configFile('random.yaml', { ...agent, model: named })
  expect(await runSurgeon('agent', '--check-config', file)).toMatchObject({ code: 0, err: '' })
  // Looking at a network or timing it needs no weights of its own.
  expect(await runSurgeon('wounds', '--model', 'resnet50', '--json')).toMatchObject({ code: 0 })
})

test('surgeon infer gives the same answer wherever the model is cut', async () => {
  const photo = fileURLToPath(new URL('photos/coffee.jpg', repositoryRoot))
  for (const [wound, codec] of [
    ['local', undefined],
    ['input', 'received'],
    ['input', 'raw'],
    ['block_6_project_BN', 'uint8'],
  ] as const) {
    const { code, out } = await runSurgeon(
      'infer',
      photo,
      '--model',
      'mobilenetv2',
      '--wound',
      wound,
      '--json',
      ...(codec === undefined ? [] : ['--codec', codec]),
    )
    expect(code).toBe(0)
    const [answer] = JSON.parse(out)
    expect(answer).toMatchObject({
      image: photo,
      wound,
      engine: 'onnxruntime',
      top: [{ label: 'espresso' }, {}, {}, {}, {}],
    })
    expect(answer.bytes > 0).toBe(codec !== undefined)
  }
})

test('surgeon profile measures, and surgeon plan explains itself on that profile', async () => {
  const measured = await runSurgeon(
    'profile',
    '--model',
    'mobilenetv2',
    '--state-directory',
    folder,
    '--json',
  )
  expect(measured.code).toBe(0)
  // An edge ten times as slow as the backend, which is this machine.
  const profile = JSON.parse(measured.out)
  const slow = profile.segments.map((segment: { medianMs: number }) => ({
    ...segment,
    medianMs: 10 * segment.medianMs,
  }))
  const edge = await configFile('edge.json', { ...profile, segments: slow })
  const backend = await configFile('backend.json', profile)
  const link = ['--uplink', '50', '--rtt', '2', '--edge', edge, '--backend', backend]
  const { code, out } = await runSurgeon('plan', '--model', 'mobilenetv2', ...link, '--json')
  expect(code).toBe(0)
  const plan = JSON.parse(out)
  expect(plan).toMatchObject({ wound: 'input', codec: 'received', calibrated: true })
  expect(plan.flips.length).toBeGreaterThan(0)
  expect(plan.excluded).toContainEqual(expect.objectContaining({ codec: 'klt:7', reason: 'accuracy' }))
  const words = await runSurgeon('plan', '--model', 'mobilenetv2', ...link)
  expect(words.out).toMatch(/^input\/received is expected to answer in .*\nNext best: .*\n.* takes over\./)
  expect(words.out).toMatch(/Calibrated on 325 images: \d+ codecs at wounds are left out/)
})
