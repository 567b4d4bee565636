import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'

const selfReference = new URL('self-reference.ts', import.meta.url).href

/** A script that serves, as a process of its own; it ends with the test. */
export async function startScript(
  t: TestContext,
  script: string,
  env: Readonly<Record<string, string>>,
): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const child = spawn(process.execPath, ['--import', selfReference, script], {
    env: { PATH: process.env.PATH ?? '', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(async () => {
    if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit')
  })
  let output = ''
  let errors = ''
  child.stderr.on('data', (chunk) => {
    errors += String(chunk)
  })
  for await (const chunk of child.stdout) {
    output += String(chunk)
    const url = /listening at (http:\/\/127\.0\.0\.1:\d+)/.exec(output)?.[1]
    if (url === undefined) continue
    child.stdout.resume()
    return { url, child }
  }
  throw new Error(`${script} did not listen: ${errors}`)
}
