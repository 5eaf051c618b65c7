import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { expect, test } from 'vitest'
import { CertificateWatch } from '../../src/transport/certificate-watch.ts'

test('CertificateWatch tells the days until the first one ends, and reads renewed files within the hour', () => {
  const folder = mkdtempSync(join(tmpdir(), 'surgeon-watch-'))
  try {
    const byEnd = rootCertificates
      .map((pem) => ({ pem, endsMs: Date.parse(new X509Certificate(pem).validTo) }))
      .toSorted((a, b) => a.endsMs - b.endsMs)
    const [early, late] = [byEnd[0]!, byEnd.at(-1)!]
    const [ca, cert] = [join(folder, 'ca.pem'), join(folder, 'cert.pem')]
    writeFileSync(ca, late.pem)
    writeFileSync(cert, early.pem)
    let nowMs = early.endsMs - 86_400_000 * 10
    const watch = new CertificateWatch([{ ca }, { cert }, {}], () => nowMs)
    expect(watch.days).toBe(10)
    nowMs += 86_400_000 * 10.5
    expect(watch.days).toBe(-0.5)
    writeFileSync(cert, late.pem)
    nowMs += 1_800_000
    expect(watch.days).toBeCloseTo(-0.52, 2)
    nowMs += 1_800_000
    expect(watch.days).toBe((late.endsMs - nowMs) / 86_400_000)
  } finally {
    rmSync(folder, { recursive: true })
  }
  expect(new CertificateWatch([{}, { ca: '/nowhere' }]).days).toBeUndefined()
})
