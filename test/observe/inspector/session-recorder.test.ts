import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { SessionRecorder, sessionName } from '../../../src/observe/inspector/session-recorder.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const day = '2027-01-15'

async function createRecorder(t: TestContext, options: { maxFileBytes?: number; maxDays?: number } = {}) {
  const parent = await mkdtemp(join(tmpdir(), 'olla-gateway-inspector-'))
  t.after(() => rm(parent, { recursive: true, force: true }))
  const folder = join(parent, 'inspector')
  const clock = new FakeClock(Date.parse(`${day}T12:00:00Z`))
  const errors: unknown[] = []
  const recovered: number[] = []
  const recorder = new SessionRecorder(
    clock,
    { folder, maxFileBytes: options.maxFileBytes ?? 10_000, maxDays: options.maxDays ?? 7 },
    { failed: (error) => void errors.push(error), recovered: (lost) => void recovered.push(lost) },
  )
  return { recorder, folder, clock, errors, recovered }
}

const lines = async (path: string) =>
  (await readFile(path, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

describe('SessionRecorder', () => {
  it('writes one line for each entry, in order, readable by the owner only', async (t) => {
    const { recorder, folder } = await createRecorder(t)
    recorder.record('s1', {
      type: 'request',
      model: 'm',
      body: Buffer.from('{\n "a": 1,\n "api_key": "x"\n}'),
    })
    recorder.record('s1', { type: 'response', model: 'm', body: Buffer.from('event: ping\ndata: {}\n\n') })
    await recorder.flush()
    const path = join(folder, day, 's1.jsonl')
    assert.deepEqual(await lines(path), [
      { type: 'request', ts: `${day}T12:00:00.000Z`, model: 'm', body: { a: 1, api_key: '[redacted]' } },
      { type: 'response', ts: `${day}T12:00:00.000Z`, model: 'm', body: 'event: ping\ndata: {}\n\n' },
    ])
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.equal((await stat(join(folder, day))).mode & 0o777, 0o700)
  })

  it('stops at a full file, also one of an earlier run, and reports that', async (t) => {
    const { recorder, folder } = await createRecorder(t, { maxFileBytes: 300 })
    await mkdir(join(folder, day), { recursive: true })
    await writeFile(join(folder, day, 'old.jsonl'), 'x'.repeat(299))
    const body = Buffer.from(JSON.stringify({ text: 'x'.repeat(100) }))
    for (let count = 0; count < 3; count++) recorder.record('s1', { type: 'request', body })
    recorder.record('old', { type: 'request', body })
    await recorder.flush()
    assert.equal((await lines(join(folder, day, 's1.jsonl'))).length, 1)
    assert.equal((await stat(join(folder, day, 'old.jsonl'))).size, 299)
    assert.equal(recorder.dropped, 3)
  })

  it('removes old days, and nothing else', async (t) => {
    const { recorder, folder, clock } = await createRecorder(t, { maxDays: 2 })
    for (const name of ['2026-12-01', '2027-01-13', 'mine'])
      await mkdir(join(folder, name), { recursive: true })
    recorder.record('s1', { type: 'request', body: Buffer.from('{}') })
    await recorder.flush()
    assert.deepEqual((await readdir(folder)).sort(), ['2027-01-13', day, 'mine'])
    await clock.advance(86_400_000)
    recorder.record('s1', { type: 'request', body: Buffer.from('{}') })
    await recorder.flush()
    assert.deepEqual((await readdir(folder)).sort(), [day, '2027-01-16', 'mine'])
  })

  it('never fails a request if it cannot write', async (t) => {
    const { recorder, folder, errors } = await createRecorder(t)
    await mkdir(join(folder, '..'), { recursive: true })
    await writeFile(folder, 'a file in the way')
    recorder.record('s1', { type: 'request', body: Buffer.from('{}') })
    await recorder.flush()
    assert.equal(errors.length, 1)
    assert.equal(recorder.dropped, 1)
  })

  it('reports once that it cannot write, and how much was lost once it can again', async (t) => {
    const { recorder, folder, errors, recovered } = await createRecorder(t)
    const record = async () => {
      recorder.record('s1', { type: 'request', body: Buffer.from('{}') })
      await recorder.flush()
    }
    await record()
    await rm(folder, { recursive: true })
    await writeFile(folder, 'a file in its place')
    for (let entry = 0; entry < 3; entry++) await record()
    assert.deepEqual([errors.length, recovered], [1, []])
    await rm(folder)
    await record()
    assert.deepEqual([errors.length, recovered, recorder.dropped], [1, [3], 3])
    assert.equal((await lines(join(folder, day, 's1.jsonl'))).length, 1)
  })

  it('limits its memory while the disk is slow', async (t) => {
    const { recorder } = await createRecorder(t, { maxFileBytes: 1 })
    const body = Buffer.alloc(20_000_000, 'x ')
    recorder.record('s1', { type: 'request', body })
    recorder.record('s1', { type: 'request', body })
    assert.equal(recorder.dropped, 1)
    await recorder.flush()
  })
})

describe('sessionName', () => {
  it('keeps what is valid in a file name', () => {
    assert.equal(sessionName('My_session-1'), 'My_session-1')
    for (const given of [undefined, '', '../x', 'a/b', 'a.b', 'x'.repeat(65)]) {
      assert.equal(sessionName(given), 'default')
    }
  })
})
