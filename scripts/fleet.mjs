#!/usr/bin/env node
// Prints the commands that make a fleet's roles and accounts on Mosquitto, for a shell on the broker's machine:
//   node scripts/fleet.mjs agents=pi-1,pi-2 workers=w-1 cameras=cam-1:pi-1 readers=grafana requesters=home > fleet.sh
//   sh fleet.sh
// The templates are the blocks of broker-config/README.md, which the suite tries against a real broker.
import { readFileSync } from 'node:fs'

const readme = readFileSync(new URL('../broker-config/README.md', import.meta.url), 'utf8')
const blocks = [...readme.matchAll(/```sh\n(.*?)```/gs)].map(([, text]) => text)
const blockWith = (text) => blocks.find((block) => block.includes(text))

/** For each kind the names that its block in the README has. */
const kinds = {
  agents: { block: blockWith('createRole agent-pi-1'), names: ['pi-1'] },
  workers: { block: blockWith('createRole worker-worker-1'), names: ['worker-1'] },
  cameras: { block: blockWith('createRole camera-pi-1'), names: ['cam-1', 'pi-1'] },
  readers: { block: blockWith('createRole reader'), names: ['grafana'] },
  requesters: { block: blockWith('createRole requester-home'), names: ['home'] },
}

/** A role may be there already: several cameras have one. */
const made = new Set()

function commandsOf(kind, member) {
  const { block, names } = kinds[kind]
  const values = member.split(':')
  if (values.length !== names.length || values.some((value) => !/^[\w.-]{1,64}$/.test(value)))
    throw new Error(`Cannot print ${kind}: a member must be ${names.join(':')}, current value is ${member}`)
  return block
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => names.reduce((text, name, i) => text.replaceAll(name, values[i]), line))
    .filter((line) => !made.has(line) && made.add(line))
}

const fleet = process.argv.slice(2).flatMap((argument) => {
  const [kind, members = ''] = argument.split('=')
  if (!Object.hasOwn(kinds, kind))
    throw new Error(
      `Cannot print: a group must be one of ${Object.keys(kinds).join(', ')}, current value is ${kind}`,
    )
  return members.split(',').flatMap((member) => commandsOf(kind, member))
})
console.log(
  ['set -e', blockWith('ctrl() {').trim(), blockWith('setDefaultACLAccess').trim(), ...fleet].join('\n'),
)
