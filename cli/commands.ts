import type { Run } from './run.ts'

export interface Command {
  /** What stands before the options. */
  readonly operands?: string
  /** One line. */
  readonly summary: string
  /** `--name` or `--name VALUE`, and what it does. */
  readonly options: Readonly<Record<string, string>>
  /** Without the program's name. */
  readonly examples: readonly string[]
  /** Loaded only when called, so that `surgeon help` needs no engine. */
  readonly load: () => Promise<Run>
}

const json = { '--json': 'data on stdout and nothing else' }
const model = { '--model M': 'name, folder or .onnx file (surgeon models lists the names)' }
const loading = {
  ...model,
  '--weights DIR': 'folder of a TensorFlow.js layers model to take the weights from',
  '--seed N': 'of made-up weights',
  '--input-shape NAME=1x3x224x224': 'for an ONNX file that leaves it open; may be repeated',
  '--input-value NAME=V': 'what an input of an ONNX file always holds (V or V,V,...); may be repeated',
}
const engine = { '--engine E': 'onnxruntime (default), wasm, tensorflow or xnnpack' }
const access = {
  '--config FILE': "the agent's: its broker, account and name are taken",
  '--broker URL': 'instead of a file',
  '--device NAME': 'the agent, where there is no file',
}
const daemon = {
  '--config FILE': 'YAML or JSON; docs/configuration.md has every key',
  '--check-config': 'only read the file and what it names; 78 when something is wrong',
}

export const commands: Readonly<Record<string, Command>> = {
  demo: {
    summary: 'broker, worker, agent, shaped link and camera on this machine',
    options: {
      '--alone': 'four frames a second instead of thirty, so that each request is alone',
      '--sensor': 'instead of a camera: windows of an accelerometer, and how long each answer takes',
      '--board B': 'how slow the edge is made: zero2w, pi3b, pi3b+, pi4 (default) or pi5',
      '--edge-slowdown N': 'instead: how many times slower; 1 leaves it as it is',
      ...json,
    },
    examples: ['demo', 'demo --alone', 'demo --board pi5', 'demo --sensor'],
    load: async () => (await import('./commands/demo.ts')).demo,
  },
  agent: {
    summary: 'the daemon on the edge',
    options: daemon,
    examples: ['agent --config /etc/surgeon/agent.yaml', 'agent --check-config agent.yaml'],
    load: async () => (await import('./commands/agent.ts')).agent,
  },
  worker: {
    summary: 'one member of the worker pool',
    options: { ...daemon, '--threads N': 'instead of what the file says' },
    examples: ['worker --config /etc/surgeon/worker.yaml', 'worker --config worker.yaml --threads 4'],
    load: async () => (await import('./commands/worker.ts')).worker,
  },
  broker: {
    summary: 'the embedded MQTT 5 broker alone, on loopback',
    options: { '--config FILE': 'YAML or JSON', '--port N': 'instead of 1883; 0 takes a free one' },
    examples: ['broker --port 1884'],
    load: async () => (await import('./commands/broker.ts')).broker,
  },
  status: {
    summary: 'agents and workers at a broker: who is there, what they answered',
    options: { ...access, ...json },
    examples: ['status --config /etc/surgeon/agent.yaml', 'status --broker mqtt://127.0.0.1'],
    load: async () => (await import('./commands/status.ts')).status,
  },
  doctor: {
    summary: 'what is wrong with an agent or worker, and how to mend it',
    options: {
      '--config FILE': "the agent's or the worker's; a running agent is asked first",
      ...json,
    },
    examples: ['doctor --config /etc/surgeon/agent.yaml'],
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  send: {
    operands: 'IMAGE',
    summary: 'publishes a picture as a camera would, and prints the answer',
    options: { ...access, '--timeout S': 'seconds to wait; 30 unless given', ...json },
    examples: ['send cat.jpg --config /etc/surgeon/agent.yaml'],
    load: async () => (await import('./commands/send.ts')).send,
  },
  infer: {
    operands: 'IMAGE...',
    summary: 'answers pictures, both sides of the cut on this machine',
    options: {
      ...loading,
      '--wound W': 'where to cut: input, local (default) or a layer (surgeon wounds lists them)',
      '--codec C':
        'how it crosses: float32, float16, uint8, q4, klt:LEVEL; at input received, raw, jpeg:Q, webp:Q',
      '--out FILE': 'of a detector: the picture with its boxes drawn in',
      ...engine,
      ...json,
    },
    examples: [
      'infer photos/cat.jpg --model mobilenetv2',
      'infer cat.jpg --model mobilenetv2 --wound block_2_add --codec uint8',
    ],
    load: async () => (await import('./commands/infer.ts')).infer,
  },
  manifest: {
    summary: "proposes a model's surgeon.json from its file",
    options: { ...loading, '--out FILE': 'a new file to write it to' },
    examples: ['manifest --model detector.onnx', 'manifest --model voice.onnx --input-value rate=16000'],
    load: async () => (await import('./commands/manifest.ts')).manifest,
  },
  wounds: {
    summary: 'where a model can be cut, and what would cross',
    options: {
      ...loading,
      '--all': 'every pair in rings of two branches',
      '--optimal': 'only those that are the best at some speed of link and machines',
      '--edge PROFILE': 'for --optimal: of the edge, as surgeon profile writes it',
      '--backend PROFILE': 'for --optimal: of a worker',
      '--verify': 'cut at each, run both sides and compare with the whole',
      '--verify-limit N': 'at so many of them',
      ...engine,
      ...json,
    },
    examples: [
      'wounds --model mobilenetv2',
      'wounds --model resnet50 --verify-limit 10',
      'wounds --model mobilenetv2 --optimal',
    ],
    load: async () => (await import('./commands/wounds.ts')).wounds,
  },
  models: {
    summary: 'the zoo: sizes, load time measured now, published accuracy',
    options: {
      '--model NAME': 'only this one; may be repeated',
      '--engine E': 'load on this one; may be repeated',
      '--no-load': 'measure no load times',
      ...json,
    },
    examples: ['models --no-load', 'models --model resnet50 --engine onnxruntime'],
    load: async () => (await import('./commands/models.ts')).models,
  },
  graph: {
    summary: 'draws a model: layers, rings, wounds, sizes',
    options: {
      ...loading,
      '--out FILE': '.svg, or .html, which pans, zooms and tells of a layer on a click',
      '--fold': 'each ring as one box, as large models are drawn',
      '--unfold': 'every layer',
    },
    examples: ['graph --model resnet50 --out resnet50.html'],
    load: async () => (await import('./commands/graph.ts')).graph,
  },
  profile: {
    summary: 'measures what this machine takes for each part of a model',
    options: {
      ...model,
      ...engine,
      '--threads N': 'of one run; 1 unless given',
      '--state-directory DIR': 'where it is kept; ./state unless given',
      ...json,
    },
    examples: ['profile --model mobilenetv2'],
    load: async () => (await import('./commands/profile.ts')).profile,
  },
  plan: {
    summary: 'the plan for a link, what it beats and what would change it',
    options: {
      ...model,
      '--uplink MBPS': 'of the link',
      '--downlink MBPS': 'as the uplink unless given',
      '--rtt MS': 'round trip; 10 unless given',
      '--fps N': 'also the mix of plans for a camera of so many frames a second',
      '--edge PROFILE': 'file of surgeon profile; this machine unless given',
      '--backend PROFILE': 'file of surgeon profile; this machine unless given',
      '--input-bytes N': 'of one picture; 20000 unless given',
      '--max-accuracy-loss X': 'share of answers a codec may cost; 0.01 unless given',
      '--privacy W': 'with --fps: none, noInput, or nothing before this wound leaves',
      '--deadline-ms N': 'with --fps: an answer later than this is worth nothing',
      ...json,
    },
    examples: [
      'plan --model mobilenetv2 --uplink 5',
      'plan --model resnet50 --uplink 2 --edge pi4.json --backend server.json',
    ],
    load: async () => (await import('./commands/plan.ts')).plan,
  },
  report: {
    summary: "the talk's figures for a pair of machines, as a page",
    options: {
      ...model,
      '--out DIR': 'where index.html and the CSV files go',
      '--measure FILE': 'instead: only measure this machine, for --edge or --worker elsewhere',
      '--edge FILE': 'of --measure on the edge; this machine unless given',
      '--worker FILE': 'of --measure on the worker; this machine unless given',
      '--board B': 'the edge as slow as a zero2w, pi3b, pi3b+, pi4 or pi5 is estimated to be',
      ...engine,
      '--threads N': 'of one run; 1 unless given',
      '--runs N': 'of the whole model, a fifth of it at each wound; 100 unless given',
      '--uplink MBPS': 'of the link; 5 unless given',
      '--downlink MBPS': 'as the uplink unless given',
      '--rtt MS': 'round trip; 10 unless given',
      '--input-bytes N': 'of the picture as JPEG; 20000 unless given',
      '--compare M,M': 'further models for the comparison of engines',
    },
    examples: [
      'report --model mobilenetv2 --board pi4 --out report/',
      'report --model resnet50 --measure pi.json',
      'report --model resnet50 --edge pi.json --out report/',
    ],
    load: async () => (await import('./commands/report.ts')).report,
  },
  calibrate: {
    summary: 'what codecs, cascades and reuse cost in answers',
    options: {
      ...model,
      '--images DIR': 'at least 16 pictures',
      '--labels FILE': 'the right classes: lines of a file name, a tab and the index of its class',
      '--cascade M2': 'instead of codecs: below which confidence a larger model is worth asking',
      '--sequence DIR': "instead of pictures: a camera's frames, and how far they may differ",
      '--max-accuracy-loss X': 'with --sequence: share of answers that may differ; 0.01 unless given',
      '--limit N': 'so many of the pictures',
      '--wounds W,W+W': 'only these',
      '--levels=N,N': 'of the learned transform',
      '--out DIR': 'instead of beside the model',
      ...json,
    },
    examples: [
      'calibrate --model mobilenetv2 --images pictures/',
      'calibrate --model mobilenetv2 --sequence frames/',
      'calibrate --model mobilenetv2 --cascade resnet50/ --images pictures/',
    ],
    load: async () => (await import('./commands/calibrate.ts')).calibrate,
  },
  replay: {
    summary: 'policies over a recorded link, and their regret',
    options: {
      '--trace FILE': 'uplink: a mahimahi trace, rows of seconds,mbps, or Mbps that never change',
      '--down FILE': 'downlink; as the uplink unless given',
      '--edge FILE': 'of surgeon profile or of Scission; FILE@0.25 takes a quarter of its times',
      '--backend FILE': 'likewise, of what the workers take',
      '--model M': 'name, folder or .onnx file; of a Scission file the rows',
      '--policies P,P':
        'local, jpeg, raw, seed6, static-best, neurosurgeon, dads, greedy, sciot, surgeon, oracle; all unless given',
      '--codecs C,C': 'of features, where nothing was calibrated; float16,uint8 unless given',
      '--rate N': 'requests a second; a third of what the edge alone can answer unless given',
      '--jitter X': 'share of the gap by which they are uneven; 0.3 unless given',
      '--burst N': 'so many at once',
      '--poisson': 'requests by chance instead',
      '--seed N': 'of chance',
      '--requests FILE': 'instead: a file of request records',
      '--seconds N': 'as long as the trace unless given, 60 of a constant link',
      '--rtt MS': 'round trip; 40 unless given',
      '--input-bytes N': 'of one picture; 17000 unless given',
      '--input-ms N': "making the model's input of it on the edge; 6 unless given",
      '--picture-ms N': 'decoding it on a worker; 2 unless given',
      '--workers N': 'equal ones; 1 unless given',
      '--worker-wait MS': 'what others have the workers do first; 0 unless given',
      '--deadline MS': 'later answers are counted as late; the agent is told',
      '--keep newest|all': 'whether frames may be left out; newest unless given',
      '--html FILE': 'also as a page: the uplink, and each request and its plan over time',
      '--seed-author DIR':
        "instead: the talk's own files, by its transfer formula and by an honest one, with --uplink and --downlink in Mbps (5.85 unless given) and --input-bytes of the encoded input (33600 unless given)",
      '--uplink MBPS': 'with --seed-author',
      '--downlink MBPS': 'with --seed-author',
      ...json,
    },
    examples: [
      'replay --trace 2 --edge pi4.json --backend pc.json --model resnet50',
      'replay --trace a.up --edge pi.csv@0.25 --backend pc.csv --model vgg19',
      'replay --seed-author dnn-surgery/',
    ],
    load: async () => (await import('./commands/replay.ts')).replay,
  },
  bench: {
    operands: 'engines|requests|codec|pool|stream|live|transport|regret',
    summary: 'measures engines, requests, codecs, pools, streams, links',
    options: { '--models M,M': 'which', '--threads N': 'of one run', ...json },
    examples: [
      'bench engines --models mobilenetv2 --threads 1',
      'bench requests --size 320x240',
      'bench stream --uplinks 0.5,2',
      'bench stream --live --uplinks 2 --fps 10,30 --seconds 20',
      'bench live --black-hole --uplink 100 --rate 4',
      'bench transport --bytes 4096,102400',
      'bench regret --traces a.up,2 --edge pi.csv --backend pc.csv',
    ],
    load: async () => (await import('./commands/bench.ts')).bench,
  },
  completion: {
    operands: 'bash|zsh',
    summary: 'prints a completion script',
    options: {},
    examples: ['completion bash > /etc/bash_completion.d/surgeon'],
    load: async () => (await import('./commands/completion.ts')).completion,
  },
}
