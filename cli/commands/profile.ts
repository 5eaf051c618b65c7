import { measuredEdge } from '../../api/measured-edge.ts'
import { engineNames, roundedPrecisions } from '../../src/executor/engine.ts'
import { segmentsMs, wholeMs } from '../../src/latency-model/profile.ts'
import { profilePath } from '../../src/latency-model/profile-store.ts'
import { stderrLog } from '../../src/telemetry/stderr-log.ts'
import { readOptions, wholeNumber } from '../../src/terminal/options.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'

export async function profile(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, {
    options: {
      model: { type: 'string' },
      engine: { type: 'string', default: 'onnxruntime' },
      threads: { type: 'string', default: '1' },
      'state-directory': { type: 'string', default: 'state' },
      json: { type: 'boolean' },
    },
  })
  if (values.model === undefined) throw new UsageError('surgeon profile needs --model M')
  const engine = engineNames.find((name) => name === values.engine)
  if (engine === undefined) {
    throw new UsageError(
      `--engine must be one of ${engineNames.join(', ')}, current value is ${values.engine}`,
    )
  }
  const threads = wholeNumber(values.threads, '--threads', 1)
  const stateDirectory = values['state-directory']
  const { profile: measured } = await measuredEdge(
    { model: values.model, engine, threads, stateDirectory },
    stderrLog('edge'),
  )
  if (values.json) {
    console.log(JSON.stringify(measured, undefined, 2))
    return 0
  }
  for (const { from, to, medianMs, madMs } of measured.segments) {
    console.log(`${medianMs.toFixed(2).padStart(9)} ms +- ${madMs.toFixed(2)}  ${from} .. ${to}`)
  }
  console.log(`${wholeMs(measured).toFixed(2).padStart(9)} ms in all, ${engine}, ${threads} thread(s)`)
  for (const precision of roundedPrecisions) {
    const roundedMs = segmentsMs(measured, 0, measured.segments.length, precision)
    if (roundedMs > 0) console.log(`${roundedMs.toFixed(2).padStart(9)} ms in all, in ${precision}`)
  }
  for (const { wound, codec, encodeMs, bytes } of measured.codecs) {
    console.log(
      `${encodeMs.toFixed(2).padStart(9)} ms to encode ${codec} at ${wound} (${bytes} bytes of a test picture)`,
    )
  }
  console.log(`Kept in ${profilePath(stateDirectory, measured.modelHash, engine)}`)
  return 0
}
