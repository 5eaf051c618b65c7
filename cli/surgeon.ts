#!/usr/bin/env node
import { ConfigError } from '../src/config/load-config.ts'
import { UsageError } from '../src/terminal/usage-error.ts'
import { type Command, commands } from './commands.ts'

/** sysexits: the command line, and the configuration, are wrong. */
const exitUsage = 64
const exitConfig = 78

const name = process.argv[2] ?? 'help'
const rest = process.argv.slice(3)

async function main(): Promise<number> {
  if (name === 'help' || name === '--help' || name === '-h') {
    console.log(overview())
    return 0
  }
  const command = commands[name]
  if (command === undefined) throw new UsageError(`Unknown command ${name}.\n\n${overview()}`)
  if (rest.includes('--help') || rest.includes('-h')) {
    console.log(`surgeon ${command.usage}\n\n${command.summary}`)
    return 0
  }
  const run = await command.load()
  return run(rest)
}

function overview(): string {
  const entries = Object.values(commands).map(
    ({ usage, summary }: Command) => `  surgeon ${usage}\n      ${summary}`,
  )
  return `Usage:\n${entries.join('\n')}\n\n--json prints data on stdout and nothing else.`
}

try {
  process.exitCode = await main()
} catch (error) {
  if (error instanceof UsageError) process.exitCode = exitUsage
  else if (error instanceof ConfigError) process.exitCode = exitConfig
  else process.exitCode = 1
  console.error(error instanceof Error ? error.message : error)
}
