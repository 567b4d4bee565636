#!/usr/bin/env -S node --max-semi-space-size=4
// Plain old syntax, so that an older Node can read it far enough to be told.
// A young generation of 16 MB, as it would be, holds 38 MB more after load and 18 KB more for each open stream, and
// saves 3 % of a chat's CPU.
import { existsSync } from 'node:fs'
import module from 'node:module'
import { setFlagsFromString } from 'node:v8'

var found = process.versions.node.split('.').map(Number)
if (found[0] < 22 || (found[0] === 22 && found[1] < 19)) {
  console.error('olla-gateway needs Node 22.19 or later; this is Node ' + process.versions.node + '.')
  process.exit(1)
}

// Code that the start alone runs is not worth optimising: compilers would leave 15 MB of scattered memory behind.
// The server takes this back when it serves.
setFlagsFromString('--no-maglev')
setFlagsFromString('--no-turbofan')

// A clone runs its sources; the published package has only the built ones.
var source = new URL('../src/cli.ts', import.meta.url)
var isClone = existsSync(source)
var entry = isClone ? source : new URL('../dist/src/cli.js', import.meta.url)
// Of a clone, sources without their types: else the compiler that strips them stays. Built code is not kept, as
// what has been read of it stays in memory.
if (isClone) module.enableCompileCache()
import(entry.href)
  .then(function (cli) {
    return cli.main(process.argv.slice(2))
  })
  .catch(function (error) {
    console.error(error)
    process.exit(1)
  })
