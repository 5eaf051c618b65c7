import { z } from 'zod'
import { compiledCacheSchema } from '../src/executor/compiled-cache/cache-settings.ts'
import { executionProviders } from '../src/executor/engine.ts'
import { engineSettings } from '../src/executor/resolve-engine.ts'
import { modelChoiceSchema } from '../src/model-graph/model-choice.ts'
import { logLevels } from '../src/telemetry/log.ts'
import { milliseconds, topicIdField, topicPrefixField } from '../src/transport/config-fields.ts'
import { endpointSchema } from '../src/transport/endpoint-config.ts'

/** A pool member's configuration file. */
export const workerConfigSchema = z.strictObject({
  /** Unique in the pool; part of the topics. */
  worker: topicIdField,
  /** First level of all topics; the same for agents and their workers. */
  topicPrefix: topicPrefixField,
  mqtt: endpointSchema,
  /**
   * Zoo names, model directories or files; `{ model, weights }` where one has no weights. `inputShapes: { NAME: [1, 3, 320, 320] }`
   * closes axes that an ONNX file leaves open, `inputValues: { NAME: 16000 }` makes an input a constant: as the agents have it.
   */
  models: z.array(modelChoiceSchema).min(1),
  /** `auto`: the fastest that passes the parity check on this machine, measured once and remembered. */
  engine: z.enum(engineSettings).default('onnxruntime'),
  /**
   * What ONNX Runtime is to compute on instead of the CPU, in order of preference: the first is used that the installed
   * package has and that gives the CPU's answers. Comes before `engine`.
   */
  executionProviders: z.array(z.enum(executionProviders)).default([]),
  /** The choice of the engine is kept here. */
  stateDirectory: z.string().min(1).default('state'),
  /** Compiled segments, which are mapped from disk and not held in memory. */
  compiledCache: compiledCacheSchema.prefault({}),
  /** Least urgent lines of the log. */
  log: z.enum(logLevels).default('info'),
  /**
   * Threads of one run. `auto`: as many as are the fastest on this machine, measured once and remembered; never all
   * cores. Fewer where other processes want the cores while it runs.
   */
  threads: z.union([z.literal('auto'), z.int().min(1).max(256)]).default(1),
  /** Tells Prometheus and an orchestrator over HTTP how it is; nobody where left out. */
  metrics: z
    .strictObject({
      /** 0 takes a free one, which the log tells. */
      port: z.int().min(0).max(65535).default(8731),
      address: z.union([z.ipv4(), z.ipv6()]).default('127.0.0.1'),
    })
    .optional(),
  /** What is taken on at most. */
  limits: z
    .strictObject({
      /** Requests that may be here at once. Past this and the next two, requests are refused as overloaded. */
      queue: z.int().min(1).default(128),
      /** Bytes that they may hold. */
      queueBytes: z
        .int()
        .min(1)
        .default(64 * 1024 * 1024),
      /** What a request may be expected to wait before it is begun. */
      waitMs: milliseconds(1).default(2000),
      /** Waiting requests at one wound that are finished in one call, where that was measured to be worth it. */
      batch: z.int().min(1).max(64).default(4),
      /** A batch makes its first members wait for the last: it must do this many times as much per second. */
      batchGain: z.number().min(0).default(1.1),
      /** Weights of whole tails held beside the model itself; other wounds are served from its segments. */
      tailBytes: z
        .int()
        .min(1)
        .default(512 * 1024 * 1024),
      /** Of an encoded input. */
      inputBytes: z
        .int()
        .min(1)
        .default(8 * 1024 * 1024),
    })
    .prefault({}),
})

export type WorkerConfig = z.output<typeof workerConfigSchema>
