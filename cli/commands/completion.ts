import { UsageError } from '../../src/terminal/usage-error.ts'
import type { Command } from '../command.ts'
import type { Run } from '../run.ts'

type Commands = Readonly<Record<string, Command>>

/** Prints a script that completes these commands, their options and, for anything else, files. */
export function completionOf(commands: Commands): Run {
  return async ([shell]) => {
    if (shell !== 'bash' && shell !== 'zsh')
      throw new UsageError(
        `surgeon completion must be told bash or zsh, current value is ${shell ?? 'nothing'}`,
      )
    const script = scriptFor(commands)
    console.log(shell === 'zsh' ? `autoload -U +X bashcompinit && bashcompinit\n${script}` : script)
    return 0
  }
}

/** What may follow the words that the pattern matches. */
function caseOf(pattern: string, { options, parts = {} }: Command): string {
  const words = [
    ...Object.keys(parts),
    ...Object.keys(options).map((option) => option.split(/[ =]/)[0]!),
    '--help',
  ]
  return `    ${pattern}) words='${words.join(' ')}' ;;`
}

function scriptFor(commands: Commands): string {
  const cases = Object.entries(commands).flatMap(([name, command]) => [
    ...Object.entries(command.parts ?? {}).map(([part, each]) => caseOf(`'${name} ${part} '*`, each)),
    caseOf(`'${name} '*`, command),
  ])
  return `_surgeon() {
  local word=\${COMP_WORDS[COMP_CWORD]} words
  if [ "$COMP_CWORD" = 1 ]; then
    COMPREPLY=($(compgen -W '${Object.keys(commands).join(' ')} help --version' -- "$word"))
    return
  fi
  case "\${COMP_WORDS[*]:1:COMP_CWORD-1} " in
${cases.join('\n')}
    'help '*) words='${Object.keys(commands).join(' ')}' ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _surgeon surgeon`
}
