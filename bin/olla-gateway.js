#!/usr/bin/env node
// Plain old syntax, so that an older Node can read it far enough to be told.
import { existsSync } from 'node:fs'
import module from 'node:module'
import { setFlagsFromString } from 'node:v8'

var found = process.versions.node.split('.').map(Number)
if (found[0] < 22 || (found[0] === 22 && found[1] < 19)) {
  console.error('olla-gateway needs Node 22.19 or later; this is Node ' + process.versions.node + '.')
  process.exit(1)
}

// What a start loads and parses is mostly garbage afterwards, for which the young generation would keep 30 MB of
// room. The server takes this back when it serves.
setFlagsFromString('--semi-space-growth-factor=1')
// Compiled code of the last start, and sources without their types: else the compiler that strips them stays.
module.enableCompileCache()

// A clone runs its sources; the published package has only the built ones.
var source = new URL('../src/cli.ts', import.meta.url)
var entry = existsSync(source) ? source : new URL('../dist/src/cli.js', import.meta.url)
import(entry.href)
  .then(function (cli) {
    return cli.main(process.argv.slice(2))
  })
  .catch(function (error) {
    console.error(error)
    process.exit(1)
  })
