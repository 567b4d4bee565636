import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { FileWatch, type WatchedFiles } from '../../../src/config/watch/file-watch.ts'
import { systemClock } from '../../../src/kernel/clock.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { eventually } from '../../support/simulator.ts'

describe('the watch of a file', () => {
  it('reports many writes in a row once', async (t) => {
    const { clock, write, changes } = await scripted(t)
    for (let count = 0; count < 5; count++) {
      write(`version ${count}`)
      await clock.advance(40)
    }
    await clock.advance(1_000)
    assert.deepEqual(changes, ['version 4'])
  })

  it('waits for the second half of a file', async (t) => {
    const { clock, write, changes } = await scripted(t)
    write('half')
    await clock.advance(300)
    write('half and half')
    await clock.advance(1_000)
    assert.deepEqual(changes, ['half and half'])
  })

  it('waits longer for a file that is empty', async (t) => {
    const { clock, write, changes } = await scripted(t)
    write('')
    await clock.advance(3_000)
    write('whole')
    await clock.advance(1_000)
    assert.deepEqual(changes, ['whole'])
  })

  it('reports nothing if the content is the same', async (t) => {
    const { clock, write, changes } = await scripted(t)
    write('first')
    await clock.advance(60_000)
    assert.deepEqual(changes, [])
  })

  it('compares without an event', async (t) => {
    const { clock, write, changes } = await scripted(t)
    write('second', false)
    await clock.advance(6_000)
    assert.deepEqual(changes, ['second'])
  })

  it('reports a file that is gone, and its return', async (t) => {
    const { clock, write, changes, watch } = await scripted(t)
    write(undefined)
    await clock.advance(1_000)
    assert.equal(watch.state.problem, 'the file cannot be read (ENOENT)')
    write('second')
    await clock.advance(1_000)
    assert.deepEqual(changes, ['second'])
    assert.equal(watch.state.problem, undefined)
  })

  it('polls if the system cannot watch, and reports why', async (t) => {
    const { clock, write, changes, watch } = await scripted(t, () => {
      throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
    })
    assert.deepEqual(watch.state, {
      mode: 'polling',
      problem: 'the system cannot watch the folder (ENOSPC)',
    })
    write('second', false)
    await clock.advance(2_000)
    assert.deepEqual(changes, ['second'])
  })

  it('polls after its watch has failed, until the system watches again', async (t) => {
    const { clock, write, changes, watch, fail } = await scripted(t)
    fail(Object.assign(new Error('too many'), { code: 'EMFILE' }))
    assert.equal(watch.state.mode, 'polling')
    write('second', false)
    await clock.advance(2_000)
    assert.deepEqual(changes, ['second'])
    assert.equal(watch.state.mode, 'watching')
  })

  it('leaves no timer behind', async (t) => {
    const { clock, watch } = await scripted(t)
    watch.stop()
    assert.equal(clock.armed, 0)
  })
})

describe('the watch of a file on a real file system', () => {
  it('sees a file that an editor replaces, every time', async (t) => {
    const folder = await temporary(t)
    const file = join(folder, 'config.yaml')
    await writeFile(file, 'first')
    const count = await counting(t, file)
    for (const round of [1, 2]) {
      await writeFile(`${file}.tmp`, `round ${round}`)
      await rename(`${file}.tmp`, file)
      await eventually(() => count() === round)
    }
  })

  it('sees a ConfigMap whose link is swapped, every time', async (t) => {
    const folder = await temporary(t)
    const swap = async (round: number) => {
      await mkdir(join(folder, `..${round}`))
      await writeFile(join(folder, `..${round}`, 'config.yaml'), `round ${round}`)
      await symlink(`..${round}`, join(folder, '..data_tmp'))
      await rename(join(folder, '..data_tmp'), join(folder, '..data'))
      if (round > 0) await rm(join(folder, `..${round - 1}`), { recursive: true })
    }
    await swap(0)
    await symlink('..data/config.yaml', join(folder, 'config.yaml'))
    const count = await counting(t, join(folder, 'config.yaml'))
    for (const round of [1, 2]) {
      await swap(round)
      await eventually(() => count() === round)
    }
  })

  it('sees the file behind a link to another folder', async (t) => {
    const folder = await temporary(t)
    const real = join(await temporary(t), 'real.yaml')
    await writeFile(real, 'first')
    await symlink(real, join(folder, 'config.yaml'))
    const count = await counting(t, join(folder, 'config.yaml'))
    await writeFile(real, 'second')
    await eventually(() => count() === 1)
  })

  it('does not wait for a pipe', async (t) => {
    const file = join(await temporary(t), 'config.yaml')
    await promisify(execFile)('mkfifo', [file])
    const watch = new FileWatch(file, { clock: systemClock, onChange: async () => {} })
    t.after(() => watch.stop())
    await watch.start()
    assert.equal(watch.state.problem, 'the file cannot be read (no regular file)')
  })

  it('sees a file that is deleted and written again', async (t) => {
    const folder = await temporary(t)
    const file = join(folder, 'config.yaml')
    await writeFile(file, 'first')
    const count = await counting(t, file)
    await unlink(file)
    await writeFile(file, 'second')
    await eventually(() => count() === 1)
  })
})

/** A watch whose file and events the test makes. */
async function scripted(t: TestContext, watchFolder?: WatchedFiles['watch']) {
  const clock = new FakeClock()
  let fail = (_error: Error) => {}
  let content: string | undefined = 'first'
  let notify = () => {}
  const changes: (string | undefined)[] = []
  const watch = new FileWatch('/config/config.yaml', {
    clock,
    onChange: async () => changes.push(content),
    files: {
      async read() {
        if (content === undefined) throw Object.assign(new Error('none'), { code: 'ENOENT' })
        return Buffer.from(content)
      },
      realpath: async (file) => file,
      watch:
        watchFolder ??
        ((_folder, onEvent) => {
          notify = onEvent
          return {
            onError(listener) {
              fail = listener
            },
            close() {},
          }
        }),
    },
  })
  t.after(() => watch.stop())
  await watch.start()
  return {
    clock,
    watch,
    changes,
    write(text: string | undefined, isNotified = true) {
      content = text
      if (isNotified) notify()
    },
    fail: (error: Error) => fail(error),
  }
}

async function temporary(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'olla-gateway-watch-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function counting(t: TestContext, file: string): Promise<() => number> {
  let count = 0
  const watch = new FileWatch(file, { clock: systemClock, onChange: async () => count++ })
  t.after(() => watch.stop())
  await watch.start()
  return () => count
}
