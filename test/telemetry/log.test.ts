import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { countRepeats } from '../../src/telemetry/count-repeats.ts'

test('stderrLog() loses its lines, and nothing else, where nobody reads them', async () => {
  const log = new URL('../../src/telemetry/stderr-log.js', import.meta.url).href
  const code = `
    import { stderrLog } from ${JSON.stringify(log)}
    const log = stderrLog('x')
    log('info', 'first')
    process.stdin.on('data', () => log('info', 'lost'))
    process.stdin.on('end', () => process.stdout.write('alive'))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code])
  await once(child.stderr, 'data')
  child.stderr.destroy()
  await once(child.stderr, 'close')
  let said = ''
  child.stdout.on('data', (data: Buffer) => (said += data.toString()))
  for (let line = 0; line < 3; line++) child.stdin.write('line')
  child.stdin.end()
  const [exitCode] = await once(child, 'close')
  expect([exitCode, said]).toEqual([0, 'alive'])
})

test('countRepeats() passes five lines of a wording a minute, the next with the count of those left out', () => {
  const lines: [message: string, fields: unknown][] = []
  let nowMs = 0
  const log = countRepeats(
    (_level, message, fields) => lines.push([message, fields]),
    () => nowMs,
  )
  for (let i = 0; i < 9; i++) {
    log('warn', 'a request failed', { id: i })
    log('info', 'passed')
  }
  log('error', 'another')
  nowMs = 60_000
  log('warn', 'a request failed', { id: 9 })
  nowMs = 120_000
  log('warn', 'a request failed', { id: 10 })
  expect(lines.filter(([message]) => message !== 'passed')).toEqual([
    ...[0, 1, 2, 3, 4].map((id) => ['a request failed', { id }]),
    ['another', undefined],
    ['a request failed', { id: 9, leftOut: 4 }],
    ['a request failed', { id: 10 }],
  ])
  expect(lines).toHaveLength(17)
})

test('stderrLog() writes from its level up, and with priorities where journald reads', () => {
  const log = new URL('../../src/telemetry/stderr-log.js', import.meta.url).href
  const code = `
    import { stderrLog } from ${JSON.stringify(log)}
    const log = stderrLog('x', 'warn')
    for (const level of ['debug', 'info', 'warn', 'error']) log(level, 'it happened', { level })`
  const lines = (env: NodeJS.ProcessEnv) =>
    spawnSync(process.execPath, ['--input-type=module', '-e', code], { env, encoding: 'utf8' }).stderr.split(
      '\n',
    )
  const { JOURNAL_STREAM: _, ...plain } = process.env
  expect(lines(plain)).toEqual([
    expect.stringMatching(/^\d{4}-\S+Z x warn it happened {"level":"warn"}$/),
    expect.stringMatching(/^\d{4}-\S+Z x error it happened {"level":"error"}$/),
    '',
  ])
  expect(lines({ ...plain, JOURNAL_STREAM: '8:123' })).toEqual([
    '<4>it happened {"level":"warn"}',
    '<3>it happened {"level":"error"}',
    '',
  ])
})
