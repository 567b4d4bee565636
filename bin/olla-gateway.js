#!/usr/bin/env node
// Plain old syntax, so that an older Node can read it far enough to be told.
import { existsSync } from 'node:fs'
import module from 'node:module'
import os from 'node:os'
import { setFlagsFromString } from 'node:v8'

var found = process.versions.node.split('.').map(Number)
if (found[0] < 22 || (found[0] === 22 && found[1] < 19)) {
  console.error('olla-gateway needs Node 22.19 or later; this is Node ' + process.versions.node + '.')
  process.exit(1)
}

// Node takes these only when it starts, so it starts again in the same process, in 40 ms; what the user has set
// stays. In a young generation of 4 MB objects of a stream grow old, so that twice as many full collections stop all
// streams; in one of 16 MB, as it would be, each open stream takes 12 KB more. One malloc arena for all threads, where
// glibc would give each its own, holds 10 MB and 5 KB less.
var given = process.execArgv.concat(process.env.NODE_OPTIONS || '').join(' ')
var own = []
if (given.indexOf('--max-semi-space-size') < 0) own.push('--max-semi-space-size=8')
// Without it V8 shrinks the young generation while no request runs. The first streams afterwards then grow old in a
// small one, and full collections stop them: chunks were up to 20 ms late, now 3 ms (p99, 64 streams after 20 s).
if (given.indexOf('semi-space-size') < 0) own.push('--min-semi-space-size=8')
// On one CPU the collector's threads only take turns with the thread that serves, which waits for them: a chat took
// 2.37 times the CPU of nginx instead of 2.71, and a chunk was late by 2.4 ms instead of 3.2 (p99, 64 streams).
if (os.availableParallelism() === 1 && given.indexOf('--single-threaded') < 0)
  own.push('--single-threaded-gc')
// Without it SIGUSR1 opens the inspector, with which any user of the machine can run code.
var deaf = '--disable-sigusr1'
if (given.indexOf('disable-sigusr1') < 0 && process.allowedNodeEnvironmentFlags.has(deaf)) own.push(deaf)
var hasArenas = process.env.MALLOC_ARENA_MAX !== undefined
var args = [process.execPath].concat(process.execArgv, own, process.argv.slice(1))
// Not under a parent that talks to it, whose channel would be lost.
if ((own.length > 0 || !hasArenas) && process.execve !== undefined && process.send === undefined) {
  try {
    process.execve(process.execPath, args, Object.assign({ MALLOC_ARENA_MAX: '1' }, process.env))
  } catch (error) {
    // Where it is not allowed to, it serves all the same.
    if (error.code !== 'ERR_ACCESS_DENIED' && error.code !== 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM')
      throw error
  }
}

// Code that the start alone runs is not worth optimising: compilers would leave 15 MB of scattered memory behind.
// The server takes this back when it serves.
setFlagsFromString('--no-maglev')
setFlagsFromString('--no-turbofan')

// A clone runs its sources; the published package has the command in a few files, which `scripts/bundle.ts` makes.
var source = new URL('../src/app/cli/main.ts', import.meta.url)
var isClone = existsSync(source)
var entry = isClone ? source : new URL('../dist/command/main.js', import.meta.url)
// Of a clone, sources without their types: else the compiler that strips them stays. For the package it saves no time,
// and what is read of it stays in memory.
if (isClone) module.enableCompileCache()
import(entry.href)
  .then(function (cli) {
    return cli.main(process.argv.slice(2))
  })
  .catch(function (error) {
    console.error(error)
    process.exit(1)
  })
