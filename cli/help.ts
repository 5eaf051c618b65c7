import { nearestWord } from '../src/terminal/nearest-word.ts'
import { UsageError } from '../src/terminal/usage-error.ts'
import { usualColumns, wrapText } from '../src/terminal/wrap-text.ts'
import { type Command, commands } from './commands.ts'
import { exitCodesText } from './exit-codes.ts'

/** Every command in a line each. */
export function overview(): string {
  const width = Math.max(...Object.keys(commands).map(({ length }) => length))
  const entries = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`)
  return `Usage: surgeon COMMAND [OPTIONS]

${entries.join('\n')}

  surgeon help COMMAND   its options, with examples
  surgeon --version      the version

${exitCodesText}`
}

export function commandHelp(name: string): string {
  const { operands, summary, options, examples } = requireCommand(name)
  const width = Math.min(24, Math.max(0, ...Object.keys(options).map(({ length }) => length)))
  const lines = Object.entries(options).map(([option, what]) => {
    const begin = `  ${option.padEnd(width)}  `
    return wrapText(what, usualColumns, begin, ' '.repeat(width + 4))
  })
  return [
    `Usage: surgeon ${[name, operands].filter((part) => part !== undefined).join(' ')}${lines.length > 0 ? ' [OPTIONS]' : ''}`,
    '',
    `${summary[0]!.toUpperCase()}${summary.slice(1)}.`,
    ...(lines.length > 0 ? ['', ...lines] : []),
    '',
    'For example:',
    ...examples.map((example) => `  surgeon ${example}`),
  ].join('\n')
}

/** @throws {UsageError} with the nearest command. */
export function requireCommand(name: string): Command {
  if (Object.hasOwn(commands, name)) return commands[name]!
  throw new UsageError(
    `Unknown command ${name}.${didYouMean(name, Object.keys(commands))} surgeon help lists the commands.`,
  )
}

/** Adds the nearest option of the command to what the parser says of an unknown one. */
export function withNearestOption(error: UsageError, command: string): UsageError {
  const wrong = /^Unknown option '(--?[^']+)'/.exec(error.message)?.[1]
  if (wrong === undefined || !Object.hasOwn(commands, command)) return error
  const known = Object.keys(commands[command]!.options).map((option) => option.split(/[ =]/)[0]!)
  return new UsageError(
    `Unknown option ${wrong}.${didYouMean(wrong, known)} surgeon help ${command} lists the options.`,
    { cause: error },
  )
}

function didYouMean(wrong: string, known: readonly string[]): string {
  const nearest = nearestWord(wrong, known)
  return nearest === undefined ? '' : ` Did you mean ${nearest}?`
}
