// Loaded into the gateway with `--import`. Resolves the names of the test's endpoints to loopback, and to nothing while a
// file of that name exists in the folder CHAOS_FOLDER; a file `clock-ahead` there puts the clock two hours ahead.
import dns from 'node:dns'
import { existsSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const { lookup } = dns

dns.lookup = (host, options, callback) => {
  if (!host.endsWith('.chaos.test')) return lookup(host, options, callback)
  const done = typeof options === 'function' ? options : callback
  const all = typeof options === 'object' && options?.all === true
  process.nextTick(() => {
    if (existsSync(`${process.env.CHAOS_FOLDER}/${host}`)) {
      done(
        Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), {
          code: 'ENOTFOUND',
          syscall: 'getaddrinfo',
          hostname: host,
        }),
      )
    } else if (all) done(null, [{ address: '127.0.0.1', family: 4 }])
    else done(null, '127.0.0.1', 4)
  })
}
syncBuiltinESMExports()

const now = Date.now
let aheadMs = 0
Date.now = () => now() + aheadMs
setInterval(() => {
  aheadMs = existsSync(`${process.env.CHAOS_FOLDER}/clock-ahead`) ? 7_200_000 : 0
}, 50).unref()
