import { validate as isCron } from 'node-cron'
import { z } from 'zod'
import { parseInputCodec } from '../src/codec/image-codecs.ts'
import { compiledCacheSchema } from '../src/executor/compiled-cache/cache-settings.ts'
import { defaultEngineSetting, engineSettings } from '../src/executor/resolve-engine.ts'
import { defaultThreadSetting } from '../src/executor/resolve-threads.ts'
import { isLoopback } from '../src/machine/loopback.ts'
import { modelChoiceSchema } from '../src/model-graph/model-choice.ts'
import { defaultMaxAccuracyLoss } from '../src/scheduler/accuracy-budget.ts'
import { logLevels } from '../src/telemetry/log.ts'
import { milliseconds, topicIdField, topicPrefixField } from '../src/transport/config-fields.ts'
import { endpointSchema } from '../src/transport/endpoint-config.ts'
import { isTopicFilter } from '../src/transport/topic-filter.ts'

/** The agent's configuration file. */
export const agentConfigSchema = z
  .strictObject({
    /** Unique on the broker; part of the topics. */
    device: topicIdField,
    /** First level of all topics; the same for agents and their workers. */
    topicPrefix: topicPrefixField,
    /** Where inputs arrive and results go. */
    mqtt: endpointSchema,
    /** Where the worker pool is reached; the same broker unless the device has one of its own. */
    pool: endpointSchema.optional(),
    /**
     * Zoo name, model directory or file; `{ model, weights }` where it has no weights. `inputShapes: { NAME: [1, 3, 320, 320] }`
     * closes axes that an ONNX file leaves open, `inputValues: { NAME: 16000 }` makes an input a constant.
     */
    model: modelChoiceSchema,
    /**
     * `auto`: the fastest that passes the parity check on this machine, in the precision that calibration lets it use,
     * measured once and remembered; what is meant on ARM where XNNPACK is installed and nothing is set.
     */
    engine: z.enum(engineSettings).default(() => defaultEngineSetting()),
    /**
     * Threads of one run. `auto`: as many as are the fastest on this machine, measured once and remembered; never all
     * cores; what is meant on ARM where XNNPACK is installed and nothing is set. Fewer where other processes want the
     * cores while it runs.
     */
    threads: z.union([z.literal('auto'), z.int().min(1).max(64)]).default(() => defaultThreadSetting()),
    /** Profiles and the choice of the engine are kept here. */
    stateDirectory: z.string().min(1).default('state'),
    /** Compiled segments, which are mapped from disk and not held in memory. */
    compiledCache: compiledCacheSchema.prefault({}),
    /** `surgeon` plans each request; `local` never sends; `input` always sends the input, encoded with `inputCodec`. */
    policy: z.enum(['surgeon', 'local', 'input']).default('surgeon'),
    /**
     * Always cut at this wound: the edge then holds the head's weights alone and cannot finish by itself. Only the codec
     * and the worker are planned.
     */
    wound: z
      .string()
      .refine((name) => name !== 'local', 'must leave something to the worker; policy local sends nothing')
      .optional(),
    /** Feature codecs the planner may use. */
    featureCodecs: z.array(z.enum(['float32', 'float16', 'uint8'])).default(['float16', 'uint8']),
    /** Codecs of the input the planner may use: `received`, `raw`, `jpeg:QUALITY`, `webp:QUALITY`. */
    inputCodecs: z
      .array(
        z.string().superRefine((name, context) => {
          try {
            parseInputCodec(name)
          } catch (error) {
            context.addIssue({ code: 'custom', message: (error as Error).message })
          }
        }),
      )
      .default(['received', 'raw']),
    /**
     * Calibrated codecs and precisions (int8, fp16) are used as far as they cost at most this share of all answers, with 95 %
     * confidence.
     */
    maxAccuracyLoss: z.number().min(0).max(1).default(defaultMaxAccuracyLoss),
    /** When the edge goes on by itself: while it waits for the worker, or only once the worker is late. */
    resume: z.enum(['at-once', 'when-late']).default('at-once'),
    /** What is taken on at most. */
    limits: z
      .strictObject({
        /** Larger input messages are refused. */
        inputBytes: z
          .int()
          .min(1)
          .default(8 * 1024 * 1024),
        /** Inputs that requests in work may hold together; more are refused. */
        inputBytesInWork: z
          .int()
          .min(1)
          .default(64 * 1024 * 1024),
        /** Requests in work at once; more are refused, and of one sender that leaves less than a quarter free. */
        requests: z.int().min(1).default(64),
        /** A request unanswered for so long is answered by an error. */
        requestMs: milliseconds(100).default(30_000),
        /** What may leave the device: `none` is no limit, `noInput` anything but the input, a wound nothing before it. */
        privacy: z.string().min(1).default('none'),
        /** What may be sent to workers in a day, as an even rate. */
        uplinkBytesPerDay: z.number().min(1).optional(),
        /** How much of the engine's time may be planned away. */
        edgeShare: z.number().gt(0).max(1).optional(),
        /** What answering may cost in a day beside an idle device, as an even rate; needs `power`. */
        joulesPerDay: z.number().gt(0).optional(),
        /** What the device draws more than when it is idle, in watts: while its engine computes, while it sends. */
        power: z
          .strictObject({
            computingWatts: z.number().min(0).max(1000),
            sendingWatts: z.number().min(0).max(1000),
          })
          .optional(),
      })
      .prefault({}),
    /** How the link is measured while nothing else moves. */
    probe: z
      .strictObject({
        /** Age of the newest acknowledgement from which the link is measured with a small message. */
        staleMs: milliseconds(100).default(1000),
        /** Payload of that message. */
        bytes: z.int().min(512).max(1_000_000).default(2048),
      })
      .prefault({}),
    input: z
      .strictObject({
        /** Where publishers' JSON holds the picture's base64 or the numbers, such as `event.image`. */
        jsonPath: z.string().min(1).optional(),
        /** What publishers put before each input: `nnstreamer`, the 1024 bytes of NNStreamer's `mqttsink`. */
        header: z.enum(['nnstreamer']).optional(),
        /** Of a model with state: a publisher that was silent for longer begins anew. */
        stateGapS: z.number().positive().default(10),
        /** Also what the broker has kept is answered, at each connection anew. */
        retained: z.boolean().default(false),
      })
      .prefault({}),
    /**
     * Inputs that are told apart, and answered on `.../result/NAME`. Without any there is one that answers all its inputs,
     * those of `.../input/ANYTHING` on `.../result/ANYTHING`.
     */
    streams: z
      .array(
        z.strictObject({
          /** Part of its topics, and of its answers. */
          name: topicIdField,
          /** Topic filter; `.../input/NAME` where it is left out. */
          input: z.string().refine(isTopicFilter, 'must be a topic filter').optional(),
          /** Streams of the highest priority are answered first. */
          priority: z.int().min(-100).max(100).default(0),
          /** Of its share among streams of one priority. */
          weight: z.number().min(0.01).max(100).default(1),
          /** An answer later than this is worth nothing. */
          deadlineMs: milliseconds(1).optional(),
          /** `newest`: inputs that do not fit are left out, older ones for newer ones. `all`: each waits for its turn. */
          keep: z.enum(['newest', 'all']).default('newest'),
          /** Inputs that are left out are answered by an error that says so. */
          shedReplies: z.boolean().default(true),
          /** Another model than `model` answers them; all models share the engine's time. */
          model: modelChoiceSchema.optional(),
          /** What the model is in doubt about is answered by a larger one, which only workers hold. */
          cascade: z
            .strictObject({
              /** Its name, or its hash, as workers announce it. */
              model: z.string().min(1).max(256),
              /**
               * Answers less likely than this are doubtful: the likeliest class, of a detector its worst box.
               * `surgeon calibrate --cascade` tells what it costs and brings.
               */
              below: z.number().gt(0).max(1),
            })
            .optional(),
          /** Inputs that hardly differ from the last one that was computed are not computed; without, all are. */
          unchanged: z
            .strictObject({
              /**
               * Most that a picture's 8 x 8 pixels may differ in the mean, of 255, and numbers as the model gets them;
               * `surgeon calibrate --sequence` tells what it costs.
               */
              difference: z.number().min(0),
              /** They are answered by the last answer once more, or not at all. */
              reuse: z.enum(['answer', 'silence']).default('answer'),
              /** After so many seconds one is computed all the same. */
              atLeastEveryS: z.number().gt(0).default(60),
            })
            .optional(),
        }),
      )
      .min(1)
      .max(64)
      .refine((streams) => new Set(streams.map(({ name }) => name)).size === streams.length, {
        error: 'must have names that differ',
      })
      .optional(),
    /** One JSON line per request, for replay and reports: what was planned, predicted and measured. */
    records: z
      .strictObject({
        path: z.string().min(1),
        /** From this size on the file is put aside as `PATH.1`, and a new one begun. */
        maxBytes: z
          .int()
          .min(4096)
          .default(10 * 1024 * 1024),
        /** Files put aside that are kept. */
        keep: z.int().min(1).max(99).default(3),
      })
      .optional(),
    /** A page with what the agent does, and its metrics for Prometheus at /metrics; `false` serves none. */
    dashboard: z
      .union([
        z.literal(false),
        z
          .strictObject({
            /** 0 takes a free one, which the log tells. */
            port: z.int().min(0).max(65535).default(8730),
            /** Others than loopback need a password. */
            address: z.union([z.ipv4(), z.ipv6()]).default('127.0.0.1'),
            password: z.string().min(8).optional(),
          })
          .refine(({ address, password }) => password !== undefined || isLoopback(address), {
            path: ['password'],
            error: 'must be given where the address is not loopback',
          }),
      ])
      .prefault({}),
    /** Announces this device to Home Assistant over MQTT; its metrics and answers become entities. */
    homeAssistant: z
      .strictObject({
        /** Topic prefix of Home Assistant's MQTT discovery. */
        prefix: topicPrefixField.default('homeassistant'),
      })
      .optional(),
    /** Calendar times at which the profile is measured anew, as cron writes them. */
    reprofile: z
      .string()
      .refine(isCron, 'must be a calendar time of five or six fields, such as "17 3 * * *"')
      .default('17 3 * * *'),
    /** Least urgent lines of the log. */
    log: z.enum(logLevels).default('info'),
    /** Emulation, for the lab only. */
    lab: z
      .strictObject({
        /** The engine takes so many times as long as it does. */
        edgeSlowdown: z.number().min(1).default(1),
        /** As does all other work on inputs and features: decoding, encoding. */
        workSlowdown: z.number().min(1).default(1),
      })
      .prefault({}),
  })
  .refine(
    ({ policy, wound, limits }) => limits.privacy === 'none' || (policy !== 'input' && wound !== 'input'),
    {
      path: ['limits', 'privacy'],
      error: 'must be none where the input is always sent',
    },
  )
  .refine(({ limits }) => limits.joulesPerDay === undefined || limits.power !== undefined, {
    path: ['limits', 'power'],
    error: 'must be given with limits.joulesPerDay',
  })
  .refine(({ limits }) => limits.inputBytes <= limits.inputBytesInWork, {
    path: ['limits', 'inputBytesInWork'],
    error: 'must be at least limits.inputBytes',
  })
  .refine(
    ({ policy, limits, streams }) =>
      (policy !== 'local' && limits.privacy === 'none') || !streams?.some(({ cascade }) => cascade),
    { path: ['streams'], error: 'must have no cascade where the input may not be sent' },
  )
  .refine(
    ({ wound, limits, streams }) =>
      !streams?.some(({ model }) => model) ||
      ((wound === undefined || wound === 'input') && ['none', 'noInput'].includes(limits.privacy)),
    { path: ['streams'], error: 'must name no model where a wound is configured: it is that of one model' },
  )
  .refine(({ policy, wound }) => policy !== 'local' || wound === undefined, {
    path: ['wound'],
    error: 'must be left out with policy local, which sends nothing',
  })
  .refine(({ policy, wound }) => policy !== 'input' || wound === undefined || wound === 'input', {
    path: ['wound'],
    error: 'must be left out with policy input, which always cuts there',
  })
  .refine(
    ({ policy, wound, inputCodecs }) => inputCodecs.length > 0 || (policy !== 'input' && wound !== 'input'),
    {
      path: ['inputCodecs'],
      error: 'must name a codec where the input is always sent',
    },
  )

export type AgentConfig = z.output<typeof agentConfigSchema>
