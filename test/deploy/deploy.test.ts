import { execFile } from 'node:child_process'
import { access, readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { isInstalled } from '../is-installed.ts'
import { repositoryRoot } from '../paths.ts'

const run = promisify(execFile)
const cwd = fileURLToPath(repositoryRoot)

test('shell scripts are clean', async ({ skip }) => {
  skip(!(await isInstalled('shellcheck')), 'shellcheck is not installed')
  const scripts = (await readdir(new URL('scripts', repositoryRoot))).filter((name) => name.endsWith('.sh'))
  const files = [...scripts.map((name) => `scripts/${name}`), '.ci/run']
  await expect(run('shellcheck', ['--severity=warning', ...files], { cwd })).resolves.toMatchObject({
    stdout: '',
  })
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
  // Runtimes ask for what a sandbox refuses, and go on without: Node on Debian 13 for protection keys.
  expect(text).toContain('SystemCallErrorNumber=EPERM')
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

test('what the compose file mounts and builds is there', async () => {
  const deploy = new URL('deploy/', repositoryRoot)
  const { services } = parse(await readFile(new URL('compose.yaml', deploy), 'utf8')) as {
    services: Record<string, { volumes?: string[]; build?: { context: string; dockerfile: string } }>
  }
  expect(Object.keys(services)).toEqual(['broker', 'worker', 'prometheus', 'grafana'])
  const mounted = Object.values(services)
    .flatMap(({ volumes = [] }) => volumes.map((volume) => volume.split(':')[0]!))
    .filter((path) => path.startsWith('.'))
  expect(mounted.length).toBeGreaterThan(3)
  for (const path of mounted) await access(new URL(path, deploy))
  const built = Object.values(services).flatMap(({ build }) => (build === undefined ? [] : [build]))
  expect(built).toHaveLength(2)
  for (const { context, dockerfile } of built)
    await access(new URL(dockerfile, new URL(`${context}/`, deploy)))
})

test('Prometheus takes its configuration', async ({ skip }) => {
  skip(!(await isInstalled('promtool')), 'promtool is not installed')
  await run('promtool', ['check', 'config', 'deploy/prometheus/prometheus.yml'], { cwd })
  expect(await readFile(new URL('deploy/prometheus/prometheus.yml', repositoryRoot), 'utf8')).toContain(
    ':8730',
  )
})
