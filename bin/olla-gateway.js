#!/usr/bin/env node
// Plain old syntax, so that an older Node can read it far enough to be told.
var found = process.versions.node.split('.').map(Number)
if (found[0] < 22 || (found[0] === 22 && found[1] < 19)) {
  console.error('olla-gateway needs Node 22.19 or later; this is Node ' + process.versions.node + '.')
  process.exit(1)
}

// An `import` of a Node module would read all of its exports, some of which load further modules.
var load = process.getBuiltinModule
var os = load('node:os')

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
if (given.indexOf('disable-sigusr1') < 0) own.push('--disable-sigusr1')
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
var setFlag = load('node:v8').setFlagsFromString
setFlag('--no-maglev')
setFlag('--no-turbofan')

// A clone runs its sources; the published package has the command in a few files, which `scripts/bundle.ts` makes.
var source = new URL('../src/app/cli/main.ts', import.meta.url)
var isClone = load('node:fs').existsSync(source)
var entry = isClone ? source : new URL('../dist/command/main.js', import.meta.url)
// V8 keeps what it has compiled. Of a clone the sources without their types: else the compiler that strips them stays.
// Of the package the command, in a folder of the user: in the folder for temporary files, which all users share, another
// user could put code there.
var cache = isClone ? undefined : cacheFolder()
if (isClone || cache !== undefined) load('node:module').enableCompileCache(cache)

import(entry.href)
  .then(function (cli) {
    return cli.main(process.argv.slice(2))
  })
  .catch(function (error) {
    console.error(error)
    process.exit(1)
  })

/** Undefined without a folder, as for services. */
function cacheFolder() {
  var env = process.env
  var fs = load('node:fs')
  var home, folder
  try {
    home = os.homedir()
    folder = env.XDG_CACHE_HOME || home + '/.cache'
    if (process.platform === 'darwin') folder = home + '/Library/Caches'
    if (process.platform === 'win32') folder = env.LOCALAPPDATA || home + '/AppData/Local'
    if (!fs.existsSync(env.XDG_CACHE_HOME || home)) return undefined
    fs.mkdirSync(folder + '/olla-gateway', { recursive: true, mode: 0o700 })
    return folder + '/olla-gateway'
  } catch {
    return undefined
  }
}
