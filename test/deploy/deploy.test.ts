import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { repositoryRoot } from '../paths.ts'

const run = promisify(execFile)
const cwd = fileURLToPath(repositoryRoot)

async function isInstalled(program: string): Promise<boolean> {
  return run(program, ['--version']).then(
    () => true,
    () => false,
  )
}

test('shell scripts are clean', async ({ skip }) => {
  skip(!(await isInstalled('shellcheck')), 'shellcheck is not installed')
  await expect(run('shellcheck', ['scripts/pi-setup.sh'], { cwd })).resolves.toMatchObject({ stdout: '' })
})

test('the set-up tells its options, and refuses others before it does anything', async () => {
  const script = 'scripts/pi-setup.sh'
  const { stdout } = await run('bash', [script, '--help'], { cwd })
  for (const option of ['--worker', '--uninstall', '--package']) expect(stdout).toContain(option)
  await expect(run('bash', [script, '--wrong'], { cwd })).rejects.toMatchObject({ code: 64 })
})

test.each(['agent', 'worker'])('the unit of the %s is understood and exposes little', async (role) => {
  const unit = `deploy/systemd/surgeon-${role}.service`
  const text = await readFile(new URL(unit, repositoryRoot), 'utf8')
  expect(text).toContain(`ExecStart=/usr/local/bin/surgeon ${role} --config /etc/surgeon/${role}.yaml`)
  // A broken configuration is not tried again.
  expect(text).toContain('RestartPreventExitStatus=78')
})

test('systemd finds the units tight', async ({ skip }) => {
  skip(!(await isInstalled('systemd-analyze')), 'systemd-analyze is not installed')
  for (const unit of await readdir(new URL('deploy/systemd', repositoryRoot))) {
    const { stdout } = await run(
      'systemd-analyze',
      ['security', '--offline=true', `deploy/systemd/${unit}`],
      {
        cwd,
      },
    )
    expect(Number(/exposure level for \S+: ([\d.]+)/.exec(stdout)![1])).toBeLessThanOrEqual(2)
  }
})
