import type { TopKey } from './state.ts'

const keys: Readonly<Record<string, TopKey | 'quit'>> = {
  q: 'quit',
  Q: 'quit',
  '\u0003': 'quit',
  '\u001b[A': 'up',
  k: 'up',
  '\u001b[B': 'down',
  j: 'down',
  '\u001b[5~': 'page-up',
  '\u001b[6~': 'page-down',
  '\t': 'pane',
  '\u001b[C': 'sort',
  '\u001b[D': 'sort',
  s: 'sort',
  r: 'reverse',
}

const escapeKey = '\u001b'
/** One key's escape sequence, or one character. */
const sequence = new RegExp(`${escapeKey}\\[[0-9;]*[A-Za-z~]|.`, 'gsu')

/** Parses the keys in what a terminal has sent in raw mode; ignores unknown ones. */
export function readKeys(input: string): (TopKey | 'quit')[] {
  const found: (TopKey | 'quit')[] = []
  for (const text of input.match(sequence) ?? []) {
    const key = keys[text]
    if (key !== undefined) found.push(key)
  }
  return found
}
