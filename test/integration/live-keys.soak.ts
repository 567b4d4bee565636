/** Each key that a reload applies is changed while the gateway runs, with one thread and with two, and its effect seen. */
import { before, describe, it } from 'node:test'
import { trustLocalhost } from '../support/certificates.ts'
import { liveCases } from './live-keys/all-cases.ts'
import { runCase } from './live-keys/run-case.ts'

before(trustLocalhost)

const only = process.env.LIVE_KEY

for (const threads of [1, 2]) {
  describe(`a reload of a gateway with ${threads} thread(s) applies`, () => {
    for (const live of liveCases) {
      if (only !== undefined && !live.key.includes(only)) continue
      it(live.key, (t) => runCase(t, live, threads))
    }
  })
}
