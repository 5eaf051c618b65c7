import { type Command, jsonOption as json } from './command.ts'

const models = { '--models M,M': 'names, folders or .onnx files' }
const rounds = { '--rounds N': 'how often each is measured' }
const seconds = { '--seconds N': 'how long' }
const broker = { '--broker URL': 'instead of one that is started for it' }
const board = {
  '--board B': 'how slow the edge is made: zero2w, pi3b, pi3b+, pi4 (default) or pi5',
  '--edge-slowdown N': 'instead: how many times slower; 1 leaves it as it is',
}

/** What `surgeon bench` can measure, by its first word. */
export const benches: Readonly<Record<string, Command>> = {
  engines: {
    summary: 'whole, cut and chained models on every engine',
    options: {
      ...models,
      '--engines E,E': 'onnxruntime, wasm, tensorflow, xnnpack; those that are here',
      '--threads N,N': 'of one run',
      ...rounds,
      '--parity': 'checks that all agree, instead of measuring',
      '--share FILE': 'writes what each does, small enough to send to somebody',
      ...json,
    },
    examples: ['bench engines --models mobilenetv2 --threads 1', 'bench engines --share here.json'],
    load: async () => (await import('./commands/bench-engines.ts')).benchEngines,
  },
  requests: {
    summary: 'processor time of a request, by plan and thread',
    options: {
      '--model M': 'name, folder or .onnx file',
      '--wound W': 'where it is cut in the middle',
      '--size WxH': 'of the pictures',
      ...rounds,
      '--requests N': 'in a round',
      '--in-flight N': 'at once, where the most a second are counted',
      ...broker,
      ...json,
    },
    examples: ['bench requests --size 320x240', 'bench requests --rounds 20 --in-flight 1'],
    load: async () => (await import('./commands/bench-requests.ts')).benchRequests,
  },
  codec: {
    summary: 'the codecs: speed, and bytes and agreement on your pictures',
    options: {
      '--model M,M': 'names, folders or .onnx files',
      '--images DIR': 'pictures; without them only speed is measured',
      '--labels FILE': 'what they show',
      '--limit N': 'so many pictures',
      '--wounds W,W': 'instead of those that may be planned',
      '--levels L,L': 'of the learned transform',
      ...json,
    },
    examples: ['bench codec', 'bench codec --images photos/ --limit 50'],
    load: async () => (await import('./commands/bench-codec.ts')).benchCodec,
  },
  pool: {
    summary: 'what a pool carries, and what batches are worth',
    options: {
      '--agents N': 'that ask',
      '--workers N': 'that answer',
      '--rate N': 'requests a second in all',
      '--warm-up N': 'seconds that do not count',
      ...seconds,
      ...broker,
      '--models M,M': 'whose batches are measured; none for nothing',
      '--threads N': 'of one run',
      '--batch N': 'most requests in a call',
      ...json,
    },
    examples: ['bench pool --agents 100 --workers 2 --rate 200', "bench pool --models ''"],
    load: async () => (await import('./commands/bench-pool.ts')).benchPool,
  },
  stream: {
    summary: 'a camera over constant links, in virtual time or live',
    options: {
      ...models,
      '--edge-ms N': 'a whole model on the edge',
      '--uplinks MBPS,MBPS': 'links',
      '--loads N,N': 'frames that come, over what can be answered at most',
      '--backend-ms N': 'a whole model on a worker',
      '--input-bytes N': 'of a frame',
      '--rtt MS': 'round trip of the link',
      '--workers N': 'that answer',
      ...seconds,
      '--live': 'with real processes',
      '--fps N,N': 'live: frames a second',
      ...json,
    },
    examples: ['bench stream --uplinks 0.5,2', 'bench stream --live --uplinks 2 --fps 10,30 --seconds 20'],
    load: async () => (await import('./commands/bench-stream.ts')).benchStream,
  },
  live: {
    summary: 'an agent behind a link beside one alone: lost, late, leaking',
    options: {
      '--uplink MBPS|FILE': 'of the link; a file is a mahimahi trace',
      '--downlink MBPS|FILE': 'of the link',
      '--delay MS': 'one way',
      '--rate N': 'requests a second',
      ...seconds,
      ...board,
      '--black-hole': 'workers never answer: what insurance costs',
      ...json,
    },
    examples: [
      'bench live --black-hole --uplink 100 --rate 4',
      'bench live --uplink 20 --rate 1 --seconds 600 --edge-slowdown 1',
    ],
    load: async () => (await import('./commands/bench-live.ts')).benchLive,
  },
  transport: {
    summary: 'frames there and back over a broker, against MQTT.js alone',
    options: { '--bytes N,N': 'of a frame', ...rounds, ...broker, ...json },
    examples: ['bench transport --bytes 4096,102400'],
    load: async () => (await import('./commands/bench-transport.ts')).benchTransport,
  },
  estimators: {
    summary: 'a model that was never measured, predicted from others',
    options: {
      '--models M,M': 'two or more; the zoo',
      '--engine E': 'onnxruntime, wasm, tensorflow or xnnpack',
      '--threads N': 'of one run',
      '--parts N': 'into which each model is cut',
      ...json,
    },
    examples: ['bench estimators', 'bench estimators --threads 2 --parts 8'],
    load: async () => (await import('./commands/bench-estimators.ts')).benchEstimators,
  },
  regret: {
    summary: 'every policy against hindsight, over traces and machines',
    options: {
      '--traces FILE|MBPS,...': 'recorded or constant uplinks',
      '--edge FILE': 'profile, or CSV of Scission@SCALE',
      '--backend FILE': 'the same of the workers',
      ...models,
      '--input-bytes N,N': 'of a picture',
      '--worker-wait MS,MS': 'before a worker begins',
      '--loads N,N': 'requests that come, over what can be answered; 0 is one at a time',
      '--policies P,P': 'which, or all',
      '--codecs C,C': 'for what crosses in the middle',
      '--rtt MS': 'round trip of the link',
      '--seconds N': 'of each trace',
      '--markdown': 'tables for a document',
      ...json,
    },
    examples: [
      'bench regret --traces a.up,2 --edge pi.csv --backend pc.csv',
      'bench regret --loads 0,1.5,3 --markdown',
    ],
    load: async () => (await import('./commands/bench-regret.ts')).benchRegret,
  },
}
