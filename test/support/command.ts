import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { eventually } from './simulator.ts'

const command = fileURLToPath(new URL('../../bin/olla-gateway.js', import.meta.url))

/** The gateway's command, running. */
export interface RunningCommand {
  readonly child: ChildProcess
  output(): string
  exit: Promise<number | null>
}

/** A new folder with these files. */
export async function folder(files: Readonly<Record<string, string>> = {}): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'olla-gateway-'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text)
  return path
}

export function run(
  t: TestContext,
  args: readonly string[],
  options: { cwd: string; env?: Record<string, string> },
): RunningCommand {
  const env = { PATH: process.env.PATH ?? '', ...options.env }
  const child = spawn(process.execPath, [command, ...args], { cwd: options.cwd, env })
  t.after(() => child.kill('SIGKILL'))
  let output = ''
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString()
  })
  child.stderr.on('data', (data: Buffer) => {
    output += data.toString()
  })
  // A process can exit before its last output has been read.
  const exit = once(child, 'close').then(([code]) => code as number | null)
  return { child, output: () => output, exit }
}

/** @returns the address, once it listens */
export async function listening(running: RunningCommand): Promise<string> {
  try {
    await eventually(() => /listening on http/.test(running.output()))
  } catch (cause) {
    throw new Error(`it does not listen: ${running.output().slice(-2_000) || 'no output'}`, { cause })
  }
  return /listening on (http:\S+)/.exec(running.output())?.[1] ?? ''
}

/** A configuration with one endpoint; `server` begins with a comma. */
export const configFor = (url: string, server = '') =>
  `server: { host: 127.0.0.1, port: 0${server} }\ndiscovery: { static: { endpoints: [ { url: '${url}', name: box, type: openai } ] } }\n`
