import type { EncodedTensor } from '../codec/encoded-tensor.ts'
import type { ModelChoice } from '../model-graph/model-choice.ts'
import type { Segment } from '../model-graph/segment.ts'
import type { LogLevel } from '../telemetry/log.ts'
import type { TensorValue } from '../tensor/tensor-value.ts'
import type { Claim } from './claim.ts'
import type { CompiledCacheSettings } from './compiled-cache/cache-settings.ts'
import type { EngineName, ExecutionProvider, Precision } from './engine.ts'

/** What the inference thread is started with. Plain data: it crosses to the thread by structured clone. */
export interface ThreadSetup extends ModelChoice {
  readonly engine: EngineName
  /** What engine `onnxruntime` computes on; the CPU where absent. */
  readonly provider?: ExecutionProvider
  /** Threads of one run of the engine. */
  readonly threads: number
  /**
   * Emulates a slower machine: every segment is followed by a wait of (slowdown - 1) x its own usual time, so that the
   * thread is busy as long as on that machine. 1 waits never.
   */
  readonly slowdown: number
  /** The same of all other work: making values of pixels, decoding and encoding features. 1 where absent. */
  readonly workSlowdown?: number
  /** Compiled in memory where absent. */
  readonly compiledCache?: CompiledCacheSettings
}

/** What the model takes: values, or the pixels of a picture, a quarter of the bytes, of which the thread makes them. */
export type ModelInput =
  | { readonly kind: 'values'; readonly values: readonly TensorValue[] }
  | { readonly kind: 'pixels'; readonly pixels: Uint8Array }

/** What one request starts from, as it is or as it crossed. */
export type GivenInput =
  | (ModelInput & { readonly tensors: readonly number[] })
  | {
      readonly kind: 'encoded'
      readonly codec: string
      /** Id of the wound at which it crossed: calibrated codecs differ by wound. */
      readonly wound: string
      readonly tensors: readonly number[]
      readonly encoded: readonly EncodedTensor[]
    }

/** Where a run starts from. */
type RunInput =
  | GivenInput
  /** Several requests at one wound, computed in one call; the reply holds one member's results after the other's. */
  | { readonly kind: 'batch'; readonly members: readonly GivenInput[] }
  /** The crossing tensors that an earlier run of the same request left in the thread. */
  | { readonly kind: 'kept' }

export interface RunRequest {
  /** Under which name the crossing tensors are kept between runs. */
  readonly request: string
  /** Keys of loaded segments, run one after the other. */
  readonly segments: readonly string[]
  readonly input: RunInput
  /** Tensor ids that cross after the last segment; they are kept under `request` when `keep` is set. */
  readonly output: readonly number[]
  readonly keep: boolean
  /** Feature codec for what is handed back; absent: the values themselves, or nothing when `keep` is all one wants. */
  readonly encode?: { readonly codec: string; readonly wound: string }
  /** Hand back the values of `output`. */
  readonly values: boolean
}

export interface RunReply {
  /** Of the outputs in their order; of a batch the first member's, then the second's, and so on. */
  readonly values: readonly TensorValue[]
  readonly encoded: readonly EncodedTensor[]
  /** Milliseconds each segment took, emulated slowness included, in the order of `segments`. */
  readonly segmentMs: readonly number[]
  readonly decodeMs: number
  readonly encodeMs: number
}

/** What is compiled, and how. */
export interface SegmentLoad {
  readonly segment: Segment
  readonly precision?: Precision
}

export type ThreadCommand =
  | ({ readonly kind: 'load'; readonly call: number; readonly key: string } & SegmentLoad)
  | { readonly kind: 'unload'; readonly call: number; readonly key: string }
  | {
      readonly kind: 'run'
      readonly call: number
      readonly run: RunRequest
      /** Set to 1 and notified, it ends the run at its next border. */
      readonly cancel: Int32Array<SharedArrayBuffer>
      /** To be taken before the run begins: who gave it may have it back. */
      readonly claim: Claim
    }
  | { readonly kind: 'drop'; readonly call: number; readonly request: string }
  | { readonly kind: 'stop'; readonly call: number }

/** What the thread tells of its own accord. */
export type ThreadNote =
  | {
      readonly kind: 'log'
      readonly level: LogLevel
      readonly message: string
      readonly fields?: Readonly<Record<string, unknown>>
    }
  /** From now on segments may be compiled in memory: the cache of compiled segments cannot keep all. */
  | { readonly kind: 'in-memory' }

export type ThreadReply =
  | { readonly kind: 'ready'; readonly modelHash: string; readonly loadMs: number }
  | { readonly kind: 'done'; readonly call: number; readonly reply?: RunReply }
  | { readonly kind: 'cancelled'; readonly call: number }
  | { readonly kind: 'failed'; readonly call: number; readonly name: string; readonly message: string }
  | { readonly kind: 'note'; readonly note: ThreadNote }
