import type { Run } from './run.ts'

export interface Command {
  readonly usage: string
  readonly summary: string
  /** Loaded only when called, so that `surgeon help` needs no engine. */
  readonly load: () => Promise<Run>
}

export const commands: Readonly<Record<string, Command>> = {
  demo: {
    usage: 'demo [--edge-slowdown N] [--json]',
    summary:
      'broker, worker, agent, shaped link and camera on this machine, with a real model and real photos',
    load: async () => (await import('./commands/demo.ts')).demo,
  },
  agent: {
    usage: 'agent --config FILE [--check-config]',
    summary: 'the daemon on the edge; --check-config only reads the file (exit 78 when it is invalid)',
    load: async () => (await import('./commands/agent.ts')).agent,
  },
  worker: {
    usage: 'worker --config FILE [--threads N] [--check-config]',
    summary: 'one member of the backend pool',
    load: async () => (await import('./commands/worker.ts')).worker,
  },
  broker: {
    usage: 'broker [--config FILE] [--port N]',
    summary: 'the embedded MQTT 5 broker alone, on loopback',
    load: async () => (await import('./commands/broker.ts')).broker,
  },
  infer: {
    usage: 'infer IMAGE... --model M [--wound W] [--codec C] [--engine E] [--json]',
    summary: 'classifies pictures with both sides of the cut on this machine',
    load: async () => (await import('./commands/infer.ts')).infer,
  },
  wounds: {
    usage: 'wounds --model M [--all] [--verify] [--verify-limit N] [--engine E] [--json]',
    summary:
      'where the model can be cut; --all lists every pair in two-branch rings, --verify cuts, runs and compares',
    load: async () => (await import('./commands/wounds.ts')).wounds,
  },
  models: {
    usage: 'models [--model NAME]... [--engine E]... [--no-load] [--json]',
    summary: 'the zoo: layers, parameters, memory, load time measured now, published accuracy, ranks',
    load: async () => (await import('./commands/models.ts')).models,
  },
  graph: {
    usage: 'graph --model M --out F.svg|F.html [--fold|--unfold]',
    summary:
      'draws the model: layers, rings, wounds, sizes; the HTML pans, zooms and tells of a layer on click',
    load: async () => (await import('./commands/graph.ts')).graph,
  },
  profile: {
    usage: 'profile --model M [--engine E] [--threads N] [--state-directory DIR] [--json]',
    summary: 'measures what this machine takes for each part of the model, and keeps it',
    load: async () => (await import('./commands/profile.ts')).profile,
  },
  plan: {
    usage:
      'plan --model M --uplink MBPS [--rtt MS] [--edge PROFILE] [--backend PROFILE] [--input-bytes N] [--json]',
    summary:
      'the plan for a link, what it beats, and what would change it; profiles are of this machine unless given',
    load: async () => (await import('./commands/plan.ts')).plan,
  },
  calibrate: {
    usage:
      'calibrate --model M --images DIR [--labels FILE] [--limit N] [--wounds W,W+W] [--levels=N,N] [--out DIR] [--json]',
    summary:
      'bytes, agreement and times of every codec at every wound, on your own pictures, written beside the model',
    load: async () => (await import('./commands/calibrate.ts')).calibrate,
  },
  bench: {
    usage: 'bench engines|codec|pool [--models M,...] [--json]',
    summary:
      'measures this machine: models whole, cut and in segments; bytes and agreement of every codec; what a pool carries',
    load: async () => (await import('./commands/bench.ts')).bench,
  },
}
