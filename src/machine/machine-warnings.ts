/** What is read of the machine and of how the process was started. */
export interface MachineFacts {
  /** Of one run of the model. */
  readonly threads: number
  /** That the process may use. */
  readonly cores: number
  /** The environment variable. */
  readonly timeZone: string | undefined
  /** Milliseconds since 1970. */
  readonly wallMs: number
}

export interface MachineWarning {
  readonly about: 'threads' | 'time zone' | 'clock'
  /** A sentence without a full stop. */
  readonly found: string
  readonly mend: string
}

/** No clock that has been set is before this program was written. */
const writtenMs = Date.UTC(2026, 0, 1)

/** What will work, and worse or otherwise than whoever set it up may think. */
export function machineWarnings({ threads, cores, timeZone, wallMs }: MachineFacts): MachineWarning[] {
  const warnings: MachineWarning[] = []
  if (threads > cores)
    warnings.push({
      about: 'threads',
      found: `threads is ${threads} and this process may use ${cores} ${cores === 1 ? 'core' : 'cores'}: the threads wait for each other, and answers take longer than with fewer`,
      mend: `Set threads to ${cores} or less.`,
    })
  if (timeZone !== undefined && !isKnownZone(timeZone))
    warnings.push({
      about: 'time zone',
      found: `TZ is ${JSON.stringify(timeZone)}, which is no name of a time zone: it is taken as UTC, also for reprofile`,
      mend: 'Set TZ to a name such as Europe/Berlin, or leave it out and set the system: timedatectl set-timezone.',
    })
  if (wallMs < writtenMs)
    warnings.push({
      about: 'clock',
      found: `The clock says ${new Date(wallMs).toISOString()}, before this program was written: certificates seem not to be valid yet`,
      mend: 'Let the clock be set at boot: timedatectl set-ntp true; on a board without a clock of its own also apt-get install fake-hwclock.',
    })
  return warnings
}

/** As the C library has it a colon may stand before the name. */
function isKnownZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name.replace(/^:/, '') }) instanceof Intl.DateTimeFormat
  } catch {
    return false
  }
}
