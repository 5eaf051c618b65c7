import { type AgentConfig, agentConfigSchema } from '../../agent/config.ts'
import { inputStreams } from '../../agent/input-streams.ts'
import type { WorkerConfig } from '../../backend/config.ts'
import { workerConfigSchema } from '../../backend/config.ts'
import { loadConfig, readDocument } from '../../src/config/load-config.ts'
import type { ModelChoice } from '../../src/model-graph/model-choice.ts'
import { readOptions } from '../../src/terminal/options.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'
import { deviceTopic, everyWorkerTopic } from '../../src/transport/topics.ts'
import { askAgent } from '../doctor/ask-agent.ts'
import { checkBroker } from '../doctor/check-broker.ts'
import { checkCertificates } from '../doctor/check-certificates.ts'
import { checkMachine } from '../doctor/check-machine.ts'
import { checkModel } from '../doctor/check-model.ts'
import { checkRunning } from '../doctor/check-running.ts'
import { checkWorkers, type SeenWorker } from '../doctor/check-workers.ts'
import { type Finding, findingsText, note } from '../doctor/finding.ts'
import { exitCodes } from '../exit-codes.ts'

/** Looks at everything that an agent or worker of this configuration needs. 1 where something has to be mended. */
export async function doctor(args: readonly string[]): Promise<number> {
  const { values } = readOptions(args, {
    options: { config: { type: 'string' }, json: { type: 'boolean' } },
  })
  if (values.config === undefined) throw new UsageError('surgeon doctor needs --config FILE')
  const document = await readDocument(values.config)
  const isWorker = typeof document === 'object' && document !== null && 'worker' in document
  const findings = isWorker
    ? await examineWorker(await loadConfig(values.config, workerConfigSchema))
    : await examineAgent(await loadConfig(values.config, agentConfigSchema))
  const sick = findings.some(({ verdict }) => verdict === 'bad')
  if (values.json === true) console.log(JSON.stringify({ sick, findings }, undefined, 2))
  else console.log(findingsText(findings, process.stdout.columns))
  return sick ? exitCodes.failed : 0
}

/**
 * A running agent is asked first: where accounts are client ids, to connect as it would throw it out. Only where it does
 * not answer its brokers are tried from here.
 */
async function examineAgent(config: AgentConfig): Promise<Finding[]> {
  const { mqtt, pool, policy, streams = [] } = config
  const larger = streams.flatMap(({ cascade }) => (cascade === undefined ? [] : [cascade.model]))
  const findings = [
    ...(await checkMachine(config)),
    ...checkCertificates('mqtt', mqtt),
    ...(pool === undefined ? [] : checkCertificates('pool', pool)),
  ]
  const live = await askAgent(config)
  if (live !== undefined) {
    findings.push(...checkRunning(live))
    if (policy !== 'local')
      findings.push(
        ...checkWorkers(
          live.workers,
          live.models.map(({ hash }) => hash),
          larger,
        ),
      )
    return findings
  }
  const hashes: string[] = []
  for (const choice of choicesOf(config)) {
    const { findings: found, hash } = await checkModel(choice, config)
    findings.push(...found)
    if (hash !== undefined) hashes.push(hash)
  }
  findings.push(
    config.dashboard === false
      ? note('agent', 'Whether it runs is not known, as dashboard is false; its brokers were tried from here')
      : note(
          'agent',
          'It does not run here, or has not started yet; its brokers were tried from here',
          'systemctl start surgeon-agent, or surgeon agent --config FILE',
        ),
  )
  // Nothing more can be tried with files that cannot be read.
  if (findings.some(({ about, verdict }) => about.endsWith('files') && verdict === 'bad')) return findings
  const { workers, tried } = await tryBrokers(config)
  findings.push(...tried)
  if (workers !== undefined && policy !== 'local') findings.push(...checkWorkers(workers, hashes, larger))
  return findings
}

/** The models of all streams, each once. */
function choicesOf(config: AgentConfig): ModelChoice[] {
  const choices = inputStreams(config).map(({ model }) => model)
  return [...new Map(choices.map((choice) => [JSON.stringify(choice), choice])).values()]
}

async function tryBrokers(
  config: AgentConfig,
): Promise<{ tried: Finding[]; workers: SeenWorker[] | undefined }> {
  const { device, topicPrefix, mqtt, pool, policy, dashboard } = config
  // One that may be running keeps its session, unless its broker takes accounts for ids.
  const suffix = dashboard === false ? '-doctor' : ''
  const inputs = inputStreams(config).map(({ input }) => input)
  const probe = deviceTopic(device, 'probe', topicPrefix)
  const sends = policy !== 'local'
  const poolReads = sends
    ? [deviceTopic(device, 'reply', topicPrefix), everyWorkerTopic('state', topicPrefix)]
    : []
  const own = await checkBroker({
    name: 'mqtt',
    endpoint: mqtt,
    clientId: `${topicPrefix}-${device}${suffix}`,
    reads: pool === undefined ? [...inputs, ...poolReads] : inputs,
    writes: pool === undefined && sends ? [probe] : [],
    topicPrefix: pool === undefined && sends ? topicPrefix : undefined,
  })
  if (pool === undefined || !sends) return { tried: own.findings, workers: own.workers }
  const other = await checkBroker({
    name: 'pool',
    endpoint: pool,
    clientId: `${topicPrefix}-${device}-pool${suffix}`,
    reads: poolReads,
    writes: [probe],
    topicPrefix,
  })
  return { tried: [...own.findings, ...other.findings], workers: other.workers }
}

async function examineWorker(config: WorkerConfig): Promise<Finding[]> {
  const { worker, topicPrefix, mqtt } = config
  const files = checkCertificates('mqtt', mqtt)
  const findings = [...(await checkMachine(config)), ...files]
  for (const model of config.models) findings.push(...(await checkModel(model, config)).findings)
  if (files.some(({ verdict }) => verdict === 'bad')) return findings
  const { findings: tried } = await checkBroker({
    name: 'mqtt',
    endpoint: mqtt,
    clientId: `${topicPrefix}-worker-${worker}-doctor`,
    reads: [],
    writes: [],
    topicPrefix: undefined,
  })
  return [...findings, ...tried]
}
