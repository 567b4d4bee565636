/**
 * Runs `npm test` with coverage: `npm run coverage [-- options or files]`. It fails below the floor, prints a table and
 * writes coverage/lcov.info. Processes and threads that the tests start are measured as well; a file that no test loads
 * is not in the table.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Percent. What the tests reach, rounded down: raise it with them. */
const floor = { lines: 99, branches: 94, functions: 97 }

const root = fileURLToPath(new URL('../', import.meta.url))
const args = process.argv.slice(2)
const options = args.filter((arg) => arg.startsWith('-'))
const files = args.filter((arg) => !arg.startsWith('-'))

mkdirSync(new URL('../coverage/', import.meta.url), { recursive: true })
const { status } = spawnSync(
  process.execPath,
  [
    'test/run.ts',
    '--experimental-test-coverage',
    ...['src', 'plugins', 'routes'].map((folder) => `--test-coverage-include=${folder}/**`),
    ...Object.entries(floor).map(([what, percent]) => `--test-coverage-${what}=${percent}`),
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=lcov',
    '--test-reporter-destination=coverage/lcov.info',
    ...options,
    ...(files.length > 0 ? files : ['test/**/*.test.ts']),
  ],
  // V8 counts less precisely what it loads from the cache of test/run.ts.
  { cwd: root, stdio: 'inherit', env: { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' } },
)
process.exitCode = status ?? 1
