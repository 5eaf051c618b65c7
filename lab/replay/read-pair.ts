import { readFile } from 'node:fs/promises'
import { silent } from '../../api/daemon.ts'
import { measuredEdge } from '../../api/measured-edge.ts'
import { rawInput } from '../../src/codec/image-codecs.ts'
import { roundedPrecisions } from '../../src/executor/engine.ts'
import { headMs, type Profile, wholeMs } from '../../src/latency-model/profile.ts'
import { givenProfile } from '../../src/latency-model/profile-store.ts'
import type { CodecOption } from '../../src/scheduler/codec-options.ts'
import { inputWound } from '../../src/scheduler/plan-point.ts'
import type { PlanSetup } from '../../src/scheduler/planner.ts'
import type { MachinePair } from './machine-pair.ts'
import { isScission, readScissionFile } from './scission-file.ts'
import { scissionPair } from './scission-pair.ts'

export interface PairFiles {
  /** A profile of `surgeon profile` or a file of Scission's, `FILE@0.25` for a quarter of its times. */
  readonly edge: string
  readonly backend: string
  readonly model: string
  /** What crosses where nothing was calibrated. */
  readonly featureCodecs: readonly string[]
}

/**
 * @throws {SyntaxError} for a file that is damaged, naming its line.
 * @throws {TypeError} where the two files are not of the same model and kind.
 */
export async function readPair({ edge, backend, model, featureCodecs }: PairFiles): Promise<MachinePair> {
  const [edgeFile, backendFile] = [scaled(edge), scaled(backend)]
  const kinds = await Promise.all([kindOf(edgeFile.path), kindOf(backendFile.path)])
  if (kinds[0] !== kinds[1])
    throw new TypeError(
      `Cannot replay: --edge and --backend must be of one kind, ${edgeFile.path} is a ${kinds[0]} and ${backendFile.path} a ${kinds[1]}`,
    )
  if (kinds[0] === 'profile') return await profiledPair(edgeFile, backendFile, model, featureCodecs)
  const [ofEdge, ofBackend] = await Promise.all(
    [edgeFile, backendFile].map(({ path, scale }) => readScissionFile(path, model, scale)),
  )
  return scissionPair(ofEdge!, ofBackend!, { model, featureCodecs })
}

interface ScaledFile {
  readonly path: string
  readonly scale: number
}

function scaled(file: string): ScaledFile {
  const [, path = file, scale = '1'] = /^(.*)@([^@/]*)$/.exec(file) ?? []
  const factor = Number(scale)
  if (!(factor > 0 && factor < Infinity))
    throw new TypeError(
      `Cannot replay: the scale of ${path} must be a number above 0, current value is ${scale}`,
    )
  return { path, scale: factor }
}

async function kindOf(path: string): Promise<'profile' | 'Scission file'> {
  return isScission(await readFile(path, 'utf8')) ? 'Scission file' : 'profile'
}

async function profiledPair(
  edge: ScaledFile,
  backend: ScaledFile,
  model: string,
  featureCodecs: readonly string[],
): Promise<MachinePair> {
  const profile = scaledProfile((await givenProfile(edge.path))!, edge.scale)
  const choice = {
    model,
    engine: profile.engine,
    threads: 1,
    stateDirectory: '',
    inputCodecs: ['received', rawInput],
  }
  const known = await measuredEdge(choice, silent, profile)
  const { hash } = known.model
  await givenProfile(edge.path, hash)
  const tails = scaledProfile((await givenProfile(backend.path, hash))!, backend.scale)
  const wounds = known.chain.wounds.map(({ id }) => id)
  for (const [path, { segments }] of [
    [edge.path, profile],
    [backend.path, tails],
  ] as const) {
    const measured = segments.map(({ to }) => to)
    if (wounds.slice(1).join() !== measured.join())
      throw new TypeError(
        `Cannot use profile ${path}: segments must end at ${wounds.slice(1).join(', ')}, current value is ${measured.join(', ')}`,
      )
  }
  const codecs =
    known.calibration === undefined ? withFeatures(known.codecs, wounds, featureCodecs) : known.codecs
  return {
    setup: {
      graph: known.model.graph,
      chain: known.chain,
      profile,
      policy: 'surgeon',
      codecs,
      resume: 'at-once',
      answer: known.answer,
    },
    tailMs: new Map(wounds.slice(0, -1).map((id) => [id, wholeMs(tails) - headMs(tails, id)])),
  }
}

function scaledProfile(profile: Profile, scale: number): Profile {
  const times = (segments: Profile['segments']) =>
    segments.map((segment) => ({ ...segment, medianMs: scale * segment.medianMs }))
  const scaled: Profile = {
    ...profile,
    segments: times(profile.segments),
    codecs: profile.codecs.map((entry) => ({ ...entry, encodeMs: scale * entry.encodeMs })),
  }
  for (const precision of roundedPrecisions) {
    const measured = profile[precision]
    if (measured !== undefined) scaled[precision] = times(measured)
  }
  return scaled
}

function withFeatures(
  known: PlanSetup['codecs'],
  wounds: readonly string[],
  featureCodecs: readonly string[],
): Map<string, readonly CodecOption[]> {
  const options = featureCodecs.map((codec): CodecOption => ({ codec, bytes: undefined }))
  return new Map(wounds.map((id) => [id, id === inputWound ? (known.get(id) ?? []) : options]))
}
