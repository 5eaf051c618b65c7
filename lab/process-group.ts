import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type SurgeonProcess, startSurgeon } from './surgeon-process.ts'

/** `surgeon` processes that are ended together, and a folder of their own that goes with them. */
export class ProcessGroup {
  readonly directory: string
  private readonly processes: SurgeonProcess[] = []

  private constructor(directory: string) {
    this.directory = directory
  }

  /** @param name Of what it is for; part of the folder's. */
  static async open(name: string): Promise<ProcessGroup> {
    return new ProcessGroup(await mkdtemp(join(tmpdir(), `surgeon-${name}-`)))
  }

  /** Starts `surgeon COMMAND` with a configuration. */
  async launch(command: string, config: unknown): Promise<SurgeonProcess> {
    const file = join(this.directory, `${command}-${this.processes.length}.yaml`)
    // JSON is YAML.
    await writeFile(file, JSON.stringify(config, undefined, 2))
    const started = startSurgeon(command, file)
    this.processes.push(started)
    return started
  }

  /** The last first: a broker is still there when workers clear their announcements. */
  async stop(): Promise<void> {
    for (const started of this.processes.toReversed()) await started.stop()
    await rm(this.directory, { recursive: true, force: true })
  }
}
