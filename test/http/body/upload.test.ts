import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs, { readdirSync } from 'node:fs'
import { devNull, tmpdir } from 'node:os'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { MultipartScanner } from '../../../src/http/body/multipart.ts'
import { receiveDecodedUpload, receiveUpload, Upload } from '../../../src/http/body/upload.ts'
import { GatewayError } from '../../../src/kernel/errors.ts'
import { budgetOf } from '../../support/buffer-budget.ts'

async function form(entries: readonly (readonly [string, string | Blob])[]) {
  const data = new FormData()
  for (const [name, value] of entries) {
    if (typeof value === 'string') data.append(name, value)
    else data.append(name, value, 'file.bin')
  }
  const request = new Request('http://x', { method: 'POST', body: data })
  return { type: request.headers.get('content-type') ?? '', body: Buffer.from(await request.arrayBuffer()) }
}

function scan(body: Buffer, type: string, cuts: readonly number[]): string | undefined {
  const scanner = new MultipartScanner(type, 'model')
  const offsets = [0, ...cuts.map((cut) => cut % (body.length + 1)).sort((a, b) => a - b), body.length]
  for (const [index, end] of offsets.slice(1).entries()) scanner.push(body.subarray(offsets[index], end))
  return scanner.value
}

const uploads = () => readdirSync(tmpdir()).filter((name) => name.startsWith('olla-gateway-upload-')).length

describe('MultipartScanner', () => {
  it('finds the field for any name, position and chunking', async () => {
    const name = fc
      .string({ minLength: 1, maxLength: 50 })
      .filter((text) => !/[\r\n]/.test(text) && text.trim() !== '' && Buffer.from(text).toString() === text)
    await fc.assert(
      fc.asyncProperty(
        name,
        fc.uint8Array({ maxLength: 300 }),
        fc.boolean(),
        fc.array(fc.nat(2000), { maxLength: 12 }),
        async (model, bytes, isFirst, cuts) => {
          const file = ['file', new Blob([Buffer.from(bytes)])] as const
          const field = ['model', model] as const
          const { type, body } = await form(isFirst ? [field, file] : [file, ['x', 'y'], field])
          assert.equal(scan(body, type, cuts), model)
        },
      ),
      { numRuns: 150 },
    )
  })

  it('finds nothing in a file part of that name, nor in any bytes, and never throws', async () => {
    const { type, body } = await form([['model', new Blob(['whisper'])]])
    assert.equal(scan(body, type, []), undefined)
    fc.assert(
      fc.property(fc.uint8Array(), fc.string(), (bytes, boundary) => {
        scan(Buffer.from(bytes), `multipart/form-data; boundary=${boundary}`, [])
      }),
    )
  })
})

describe('receiveUpload', () => {
  it('keeps a small form in memory and a large one in a temporary file', async () => {
    const before = uploads()
    const small = await form([['model', 'm']])
    const inMemory = await receiveUpload(Readable.from([small.body]), small.type, 1e9, budgetOf(0))
    assert.ok(Buffer.isBuffer(inMemory.open()))
    const large = await form([
      ['file', new Blob([randomBytes(3_000_000)])],
      ['model', 'whisper-1'],
    ])
    const pieces = Array.from({ length: 50 }, (_, index) =>
      large.body.subarray(index * 70_000, (index + 1) * 70_000),
    )
    const inFile = await receiveUpload(Readable.from(pieces), large.type, 1e9, budgetOf(0))
    assert.equal(inFile.model, 'whisper-1')
    assert.equal(inFile.bytes, large.body.length)
    for (let time = 0; time < 2; time++) {
      const content = inFile.open()
      assert.ok(!Buffer.isBuffer(content))
      assert.ok((await buffer(content)).equals(large.body))
    }
    await inFile.dispose()
    assert.equal(uploads(), before)
  })

  it('refuses an upload that is too large and leaves no file', async () => {
    const before = uploads()
    const { type, body } = await form([['file', new Blob([randomBytes(3_000_000)])]])
    await assert.rejects(
      receiveUpload(Readable.from([body.subarray(0, 2e6), body.subarray(2e6)]), type, 2_500_000, budgetOf(0)),
      (error) => error instanceof GatewayError && error.code === 'payload_too_large',
    )
    assert.equal(uploads(), before)
  })

  it('fails if the disk is full, and the process keeps running', async (t) => {
    const before = uploads()
    t.mock.method(fs, 'write', (...rest: unknown[]) => {
      const written = rest.at(-1) as (error: Error) => void
      written(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }))
    })
    const { type, body } = await form([['file', new Blob([randomBytes(3_000_000)])]])
    await assert.rejects(receiveUpload(Readable.from([body]), type, 1e9, budgetOf(0)), { code: 'ENOSPC' })
    assert.equal(uploads(), before)
  })

  it('is disposed without an error, also if its file cannot be removed', async () => {
    await new Upload('m', 1, { folder: `${devNull}/none` }).dispose()
  })

  it('is removed without a free descriptor', { skip: process.platform === 'win32' }, async () => {
    const script = fileURLToPath(new URL('dispose-without-descriptors.ts', import.meta.url))
    const command = `ulimit -n 60; exec "${process.execPath}" "${script}"`
    const { stdout } = await promisify(execFile)('sh', ['-c', command], { timeout: 15_000 })
    assert.equal(stdout, 'EMFILE, removed\n')
  })

  it('may be removed before it is read, also without a reader', async () => {
    const gone = new Upload('m', 1, { folder: '/does/not/exist' })
    const [unread, left] = [gone.open(), gone.open()]
    assert.ok(unread instanceof Readable && left instanceof Readable)
    left.destroy()
    await Promise.all([unread, left].map((stream) => new Promise((resolve) => stream.once('close', resolve))))
    assert.ok(unread.errored)
  })

  it('names another model, and changes no other byte, in memory and in a file', async () => {
    for (const fileBytes of [0, 2_000_000]) {
      for (const order of ['first', 'middle', 'last'] as const) {
        for (const model of ['a', 'alias-that-is-longer', '通义千问']) {
          const file = ['file', new Blob([randomBytes(fileBytes)])] as const
          const named = ['model', model] as const
          const note = ['note', 'model=x\r\nmodel'] as const
          const fields = {
            first: [named, file, note],
            middle: [note, named, file],
            last: [['model', ''], file, note, named],
          } as const
          const { type, body } = await form(fields[order])
          const upload = await receiveUpload(
            Readable.from([body.subarray(0, 100), body.subarray(100)]),
            type,
            1e9,
            budgetOf(0),
          )
          assert.equal(upload.model, model)
          const sent = upload.renamed('qwen:7b')
          const content = sent.open()
          const bytes = Buffer.isBuffer(content) ? content : await buffer(content)
          assert.equal(bytes.length, sent.bytes)
          const at = body.lastIndexOf(`\r\n\r\n${model}\r\n`) + 4
          const expected = Buffer.concat([
            body.subarray(0, at),
            Buffer.from('qwen:7b'),
            body.subarray(at + Buffer.byteLength(model)),
          ])
          assert.ok(bytes.equals(expected), `${order} ${model}`)
          await upload.dispose()
        }
      }
    }
  })

  it('has nothing to rename if it names no model', async () => {
    const { type, body } = await form([['prompt', 'x']])
    const upload = await receiveUpload(Readable.from([body]), type, 1e9, budgetOf(0))
    assert.equal(upload.namesModel, false)
    assert.equal(upload.renamed('m'), upload)
  })

  it('decodes a content coding, within the limit', async () => {
    const { type, body } = await form([
      ['model', 'm'],
      ['file', new Blob([Buffer.alloc(3_000_000)])],
    ])
    const before = uploads()
    const upload = await receiveDecodedUpload(
      Readable.from([gzipSync(body)]),
      ['gzip'],
      type,
      1e9,
      budgetOf(0),
    )
    assert.deepEqual([upload.model, upload.bytes], ['m', body.length])
    await upload.dispose()
    const refused = receiveDecodedUpload(Readable.from([gzipSync(body)]), ['gzip'], type, 1e6, budgetOf(0))
    await assert.rejects(
      refused,
      (error) => error instanceof GatewayError && error.code === 'payload_too_large',
    )
    const corrupt = receiveDecodedUpload(Readable.from([body]), ['gzip'], type, 1e9, budgetOf(0))
    await assert.rejects(
      corrupt,
      (error) => error instanceof GatewayError && error.code === 'invalid_request',
    )
    assert.equal(uploads(), before)
  })
})
