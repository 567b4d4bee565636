// Loaded into each test file by `test/run.ts`. The limit of `node --test` ends a test, but not its file: a file whose event
// loop stays alive would take the whole run.
import { isMainThread } from 'node:worker_threads'

const seconds = Number(process.env.TEST_FILE_SECONDS)
const file = process.argv[1] ?? ''
// Threads, and processes that a test forks, load this too.
if (isMainThread && /\.(test|long|check|soak)\.ts$/.test(file)) {
  setTimeout(() => {
    const held = [...new Set(process.getActiveResourcesInfo())].join(', ')
    process.stderr.write(`${file} had not ended after ${seconds} s; its event loop holds: ${held}\n`)
    process.exit(1)
  }, seconds * 1_000).unref()
}
