import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

/**
 * Runs `node --test` with as many test files at once as there are cores: by default it leaves one core to itself,
 * which on two cores means one file at a time. Options go to `node --test`, which takes them only in front of the
 * files: `npm test -- --test-name-pattern=alias`.
 *
 * No file hangs: each may take `--minutes` (default 10; `TEST_MINUTES` overrides it), and all together twice that.
 */
const args = process.argv.slice(2)
const files = args.filter((arg) => !arg.startsWith('-'))
const options = args.filter((arg) => arg.startsWith('-') && !arg.startsWith('--minutes='))
const minutes = args.find((arg) => arg.startsWith('--minutes='))?.slice('--minutes='.length) ?? '10'
const fileSeconds = Number(process.env.TEST_MINUTES ?? minutes) * 60
const totalSeconds = 2 * fileSeconds
/** An interrupted runner names the files that were running. What has not ended this much later is killed. */
const graceMs = 10_000

// Each test file is a process of its own that loads the same modules: with compiled code from a cache they take a third
// less CPU.
const compileCache = fileURLToPath(new URL('../node_modules/.cache/test', import.meta.url))
const fileLimit = new URL('support/file-limit.mjs', import.meta.url).href

const child = spawn(
  process.execPath,
  [
    '--test',
    `--import=${fileLimit}`,
    `--test-concurrency=${availableParallelism()}`,
    `--test-timeout=${fileSeconds * 1_000}`,
    ...options,
    ...files,
  ],
  {
    stdio: 'inherit',
    // A process group, so that processes which a file has started end with it.
    detached: true,
    env: { NODE_COMPILE_CACHE: compileCache, ...process.env, TEST_FILE_SECONDS: String(fileSeconds) },
  },
)
const timer = setTimeout(() => {
  console.error(`test/run.ts: the files took longer than ${totalSeconds} s together`)
  interrupt()
}, totalSeconds * 1_000)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt)
child.on('exit', (code) => {
  clearTimeout(timer)
  signalGroup('SIGKILL')
  process.exit(code ?? 1)
})

function interrupt(): void {
  child.kill('SIGINT')
  setTimeout(() => signalGroup('SIGKILL'), graceMs)
}

function signalGroup(signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // None of its processes is left.
  }
}
