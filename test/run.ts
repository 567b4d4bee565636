import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

/** Each test may take this long; the slowest takes a third of it on two cores. */
const testTimeoutMs = 300_000

/** All files may take this long. `--test-timeout` does not end a file that keeps its event loop busy; SIGINT does, and names it. */
const totalTimeoutMs = 1_200_000

/**
 * Runs `node --test` with as many test files at once as there are cores: by default it leaves one core to itself,
 * which on two cores means one file at a time. Further options go to `node --test`, which takes them only in front of
 * the files: `npm test -- --test-name-pattern=alias`.
 */
const args = process.argv.slice(2)
const options = args.filter((arg) => arg.startsWith('-'))
const files = args.filter((arg) => !arg.startsWith('-'))

// Each test file is a process of its own that loads the same modules: with compiled code from a cache they take a third
// less CPU.
const compileCache = fileURLToPath(new URL('../node_modules/.cache/test', import.meta.url))

const child = spawn(
  process.execPath,
  [
    '--test',
    `--test-concurrency=${availableParallelism()}`,
    `--test-timeout=${testTimeoutMs}`,
    ...options,
    ...files,
  ],
  { stdio: 'inherit', env: { NODE_COMPILE_CACHE: compileCache, ...process.env } },
)
const timer = setTimeout(() => child.kill('SIGINT'), totalTimeoutMs)
child.on('exit', (code, signal) => {
  clearTimeout(timer)
  process.exitCode = signal === null ? (code ?? 1) : 1
})
