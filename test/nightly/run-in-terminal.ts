import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Ran } from './run-client.ts'

const timeoutMs = 60_000
/** What moves the cursor, colors text and so on. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const escapes = /\u001b\[[0-9;?]*[A-Za-z]/g

/** A line to type once the program has printed something. */
export interface Typed {
  readonly after: string
  readonly line: string
}

/** Runs a program in a terminal of its own, which util-linux's `script` makes. */
export async function runInTerminal(
  command: string,
  typed: readonly Typed[],
  { home, env }: { readonly home: string; readonly env: Readonly<Record<string, string>> },
): Promise<Ran> {
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    cwd: home,
    env: { PATH: process.env.PATH ?? '', HOME: home, TERM: 'dumb', ...env },
    timeout: timeoutMs,
  })
  let stdout = ''
  let read = 0
  const left = [...typed]
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    const plain = stdout.replace(escapes, '')
    for (let next = left[0]; next !== undefined; next = left[0]) {
      const at = plain.indexOf(next.after, read)
      if (at < 0) return
      read = at + next.after.length
      left.shift()
      child.stdin.write(`${next.line}\r`)
    }
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  return { code: code ?? signal ?? 'unknown', stdout: stdout.replace(escapes, ''), stderr }
}
