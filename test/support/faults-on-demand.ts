/**
 * For `node --import`: makes threads of a gateway stand still. A test writes a file `fault-N` into `FAULTS_FOLDER`, where N is
 * the number of a serving thread or `main`; it says what the thread does.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isMainThread, workerData } from 'node:worker_threads'

const file = join(process.env.FAULTS_FOLDER ?? '.', `fault-${isMainThread ? 'main' : workerData?.thread}`)
const kept: unknown[] = []

const faults: Readonly<Record<string, () => void>> = {
  loop() {
    for (;;) Math.random()
  },
  microtasks() {
    const next = () => void Promise.resolve().then(next)
    next()
  },
  wait: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  // Not to be interrupted.
  call: () => void execFileSync('sleep', ['60']),
  heap() {
    setInterval(() => {
      for (let object = 0; object < 100_000; object++)
        kept.push({ object, text: `x${object}`, list: [object] })
    }, 5)
  },
}

setInterval(() => {
  let fault: string
  try {
    fault = readFileSync(file, 'utf8')
  } catch {
    return
  }
  rmSync(file)
  faults[fault]?.()
}, 50).unref()
