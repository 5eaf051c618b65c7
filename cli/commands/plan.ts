import { plan as planSurgery } from '../../api/plan.ts'
import { stderrLog } from '../../src/telemetry/stderr-log.ts'
import { positiveNumber, readOptions } from '../../src/terminal/options.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'
import { wrapText } from '../../src/terminal/wrap-text.ts'

export async function plan(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, {
    options: {
      model: { type: 'string' },
      edge: { type: 'string' },
      backend: { type: 'string' },
      uplink: { type: 'string' },
      downlink: { type: 'string' },
      rtt: { type: 'string' },
      fps: { type: 'string' },
      'input-bytes': { type: 'string' },
      'max-accuracy-loss': { type: 'string' },
      privacy: { type: 'string' },
      'deadline-ms': { type: 'string' },
      json: { type: 'boolean' },
    },
  })
  const { model, uplink, downlink, rtt, fps, edge, backend } = values
  const { 'input-bytes': bytes, 'max-accuracy-loss': loss, privacy, 'deadline-ms': deadline } = values
  if (model === undefined || uplink === undefined)
    throw new UsageError('surgeon plan needs --model M and --uplink MBPS')
  const { explanation, ...document } = await planSurgery(
    {
      model,
      uplinkBps: 1e6 * positiveNumber(uplink, '--uplink'),
      ...(downlink !== undefined && { downlinkBps: 1e6 * positiveNumber(downlink, '--downlink') }),
      ...(rtt !== undefined && { roundTripMs: positiveNumber(rtt, '--rtt') }),
      ...(fps !== undefined && { framesPerS: positiveNumber(fps, '--fps') }),
      ...(bytes !== undefined && { inputBytes: positiveNumber(bytes, '--input-bytes') }),
      ...(loss !== undefined && { maxAccuracyLoss: Number(loss) }),
      ...(privacy !== undefined && { privacy }),
      ...(deadline !== undefined && { deadlineMs: positiveNumber(deadline, '--deadline-ms') }),
      ...(edge !== undefined && { edgeProfile: edge }),
      ...(backend !== undefined && { backendProfile: backend }),
    },
    { log: stderrLog('edge') },
  )
  if (values.json) console.log(JSON.stringify(document, undefined, 2))
  else for (const line of explanation) console.log(wrapText(line, process.stdout.columns ?? Infinity))
  return 0
}
