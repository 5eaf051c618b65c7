import { programVersion } from '../../src/files/program-version.ts'
import { bad, type Finding, good, warning } from './finding.ts'

/** A worker as it says of itself. */
export interface SeenWorker {
  readonly id: string
  readonly version: string | undefined
  readonly models: readonly { readonly name: string; readonly hash: string }[]
  /** As the agent has found, where it is asked. */
  readonly trust?: string | undefined
}

/**
 * Whether there is one for each of the agent's models, of this version, and trusted.
 * @param hashes of those that are known
 * @param larger names or hashes of models that only workers hold
 */
export function checkWorkers(
  workers: readonly SeenWorker[],
  hashes: readonly string[],
  larger: readonly string[] = [],
): Finding[] {
  const holds = ({ models }: SeenWorker, wanted: string) =>
    models.some(({ name, hash }) => name === wanted || hash === wanted)
  const serves = ({ models }: SeenWorker, wanted: string) => models.some(({ hash }) => hash === wanted)
  const ours = workers.filter((worker) => hashes.some((hash) => serves(worker, hash)))
  const findings = ours.map((worker) => checkWorker(worker))
  const useless = workers.filter(
    (worker) => !ours.includes(worker) && !larger.some((wanted) => holds(worker, wanted)),
  )
  for (const wanted of larger.filter((name) => !workers.some((worker) => holds(worker, name))))
    findings.push(
      warning(
        'larger model',
        `No worker serves ${wanted}: what a stream is in doubt about stays as it is`,
        "Name it in a worker's models; a stream's cascade.model is the name that the worker announces.",
      ),
    )
  for (const { id, models } of useless)
    findings.push(
      warning(
        'worker',
        `${id} serves ${models.map(({ name, hash }) => `${name} (hash ${hash})`).join(', ')}, and not this agent's model (hash ${hashes.join(', ') || 'unknown'})`,
        'Both ends need the same files: name the model in its models, and copy the folder where the hashes differ.',
      ),
    )
  const unserved = hashes.filter((hash) => !ours.some((worker) => serves(worker, hash)))
  if (hashes.length > 0 && unserved.length === 0) return findings
  const which = hashes.length > 1 ? `the model of hash ${unserved.join(', ')}` : 'the model'
  const none = bad(
    'workers',
    `No worker serves ${which}: everything is computed on the edge`,
    'Start surgeon worker on another machine with this model and this broker (deploy/worker.example.yaml); where one runs, its account must be allowed to write its state and this one to read it.',
  )
  return [none, ...findings]
}

function checkWorker({ id, version, trust }: SeenWorker): Finding {
  const own = programVersion()
  if (trust === 'resting' || trust === 'on-trial')
    return warning(
      'worker',
      `${id} failed twice running and rests`,
      "Look at the worker's log; it is tried again by itself.",
    )
  if (version !== undefined && version !== own)
    return warning(
      'worker',
      `${id} has version ${version} and this machine ${own}`,
      'Update the older one; between versions times may be told otherwise.',
    )
  return good('worker', `${id} serves the model${version === undefined ? '' : `, version ${version}`}`)
}
