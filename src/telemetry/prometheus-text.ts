/**
 * Prometheus' text format, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats), in its base units and
 * with its endings: milliseconds become seconds, bits bytes, and counters end in `_total`.
 */
import type { Metric, Unit } from './metric.ts'

export const prometheusContentType = 'text/plain; version=0.0.4; charset=utf-8'

/** What stands for the unit at the end of a key, what Prometheus wants there, and by what the value is multiplied. */
const baseUnits: Readonly<Partial<Record<Unit, readonly [RegExp, string, number]>>> = {
  ms: [/_ms\b|_ms$/, '_seconds', 1e-3],
  'bits per second': [/_bps$/, '_bytes_per_second', 1 / 8],
  celsius: [/_c$/, '_celsius', 1],
  hertz: [/_hz$/, '_hertz', 1],
  seconds: [/_s$/, '_seconds', 1],
}

/** Figures of one thing among several, told apart by its labels. */
export interface Series<Figures> {
  readonly labels: Readonly<Record<string, string>>
  readonly figures: Figures
}

export function prometheusText<Figures>(
  metrics: readonly Metric<Figures>[],
  series: readonly Series<Figures>[],
): string {
  const lines = metrics.flatMap((metric) => {
    const { help, kind, unit } = metric
    const [, , factor] = baseUnits[unit] ?? [undefined, undefined, 1]
    const name = prometheusName(metric)
    const values = series.flatMap(({ labels, figures }) => {
      const value = metric.read(figures)
      if (value === undefined || !Number.isFinite(value)) return []
      return [`${name}{${labelText(labels)}} ${value * factor}`]
    })
    return values.length === 0 ? [] : [`# HELP ${name} ${help}.`, `# TYPE ${name} ${kind}`, ...values]
  })
  return `${lines.join('\n')}\n`
}

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(',')
}

export function prometheusName({ key, unit, kind }: Pick<Metric<never>, 'key' | 'unit' | 'kind'>): string {
  const [ending, base] = baseUnits[unit] ?? [/$^/, '']
  return `surgeon_${key.replace(ending, base)}${kind === 'counter' ? '_total' : ''}`
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
