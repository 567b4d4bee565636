import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'
import { gatewayFlags } from '../bench/package.ts'

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

it('starts with the same flags as a command, by npm, in a container and in the benchmark', () => {
  const flags = gatewayFlags.join(' ')
  assert.match(flags, /^--[a-z-]+=\d+$/)
  assert.equal(read('bin/olla-gateway.js').split('\n', 1)[0], `#!/usr/bin/env -S node ${flags}`)
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  assert.equal(scripts.start, `node ${flags} bin/olla-gateway.js`)
  assert.match(read('Dockerfile'), new RegExp(`ENTRYPOINT \\["node", "${flags}", "bin/olla-gateway.js"\\]`))
})
