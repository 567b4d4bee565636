import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  inspectRequest,
  inspectUpload,
  jsonTypeFor,
  withoutBom,
} from '../../../src/dialects/requests/inspect.ts'
import { GatewayError } from '../../../src/kernel/errors.ts'

const json = 'application/json; charset=utf-8'
const inspect = (value: unknown, path = '/v1/chat/completions') =>
  inspectRequest(Buffer.from(JSON.stringify(value)), json, path)

describe('inspectRequest', () => {
  it('finds what a request needs from a model', () => {
    const needs = (value: unknown, path?: string) => inspect(value, path).needs?.()
    assert.equal(needs({ model: 'm', tools: [{ type: 'function' }] })?.tools, true)
    assert.equal(needs({ model: 'm', tools: [] })?.tools, false)
    assert.equal(needs({ messages: [{ content: [{ type: 'image_url', image_url: {} }] }] })?.vision, true)
    assert.equal(needs({ messages: [{ content: 'x', images: ['abc'] }] })?.vision, false)
    assert.equal(needs({ prompt: 'x', images: ['abcdef'] }, '/api/generate')?.vision, true)
    assert.equal(needs({ messages: [{ content: [{ type: 'input_audio' }] }] })?.audio, true)
    assert.equal(needs({ response_format: { type: 'json_schema' } })?.structured, true)
    assert.equal(needs({ input: 'x' }, '/v1/embeddings')?.embeddings, true)
    assert.equal(needs({ input: 'x' }, '/v1/responses')?.embeddings, false)
    assert.equal(needs({ messages: [{ content: 'x'.repeat(40_000) }] })?.promptTokens, 10_004)
  })

  it('refuses a body that is not JSON but declared so', () => {
    for (const text of ['', '{"model":', 'nope', '{"a":1}}']) {
      const read = () => inspectRequest(Buffer.from(text), json, '/')
      if (text === '') continue
      assert.throws(read, (error) => error instanceof GatewayError && error.code === 'invalid_json')
      assert.equal(inspectRequest(Buffer.from(text), undefined, '/').model, undefined)
    }
    assert.equal(inspectRequest(Buffer.from(' [1]'), json, '/').model, undefined)
  })
})

describe('the model name of a request', () => {
  const body = '{"model":"m","stream":true}'
  const read = (text: string, type?: string, path = '/v1/chat/completions', query = '') =>
    inspectRequest(Buffer.from(text), type, path, query)

  for (const type of [
    ...[undefined, '', 'text/json', 'text/plain', '*/*', 'application/octet-stream', 'application/x-ndjson'],
    ...['application/x-www-form-urlencoded', 'application/json, application/json', 'garbage', 'json; x'],
  ]) {
    it(`is found in JSON under ${type ?? 'no type'}, which is sent as JSON`, () => {
      const { model, isStream, usageEdit, contentType } = read(` \n${body}`, type)
      assert.deepEqual([model, isStream, contentType], ['m', true, 'application/json'])
      assert.ok(usageEdit)
      assert.equal(jsonTypeFor(type), 'application/json')
    })
  }

  for (const type of ['application/json', 'Application/JSON; charset=utf-8', 'application/vnd.x+json']) {
    it(`is found in JSON under ${type}, which keeps its type`, () => {
      assert.deepEqual([read(body, type).model, read(body, type).contentType], ['m', undefined])
      assert.equal(jsonTypeFor(type), undefined)
    })
  }

  it('is not searched in binary data and other formats', () => {
    for (const [text, type] of [
      [body, 'audio/wav'],
      [body, 'multipart/mixed'],
      [`${body}\n${body}`, 'application/x-ndjson'],
      ['{model:m}', 'text/plain'],
      ['{"model":"m"', undefined],
      ['[{"model":"m"}]', 'text/plain'],
      ['model=m', 'text/plain'],
    ] as const) {
      const { model, contentType } = read(text, type)
      assert.deepEqual([model, contentType], [undefined, undefined], text)
    }
  })

  it('is found in a form', () => {
    const form = 'prompt=hi&model=a%2Fb'
    const { model, modelPlace, contentType } = read(form, 'application/x-www-form-urlencoded')
    assert.deepEqual([model, contentType], ['a/b', undefined])
    assert.equal(form.slice(modelPlace?.start, modelPlace?.end), 'a%2Fb')
    assert.equal(modelPlace?.in, 'form')
  })

  it("may be in Ollama's `name` on Ollama's operations, only without a model", () => {
    for (const [text, model] of [
      ['{"name":"n"}', 'n'],
      ['{"model":"","name":"n"}', 'n'],
      ['{"model":" ","name":" n "}', 'n'],
      ['{"model":null,"name":"n"}', 'n'],
      ['{"model":"m","name":"n"}', 'm'],
      ['{"model":"m","name":""}', 'm'],
      ['{"model":"","name":""}', undefined],
      ['{"name":1}', undefined],
    ] as const) {
      for (const path of [
        '/api/show',
        '/api/Show/',
        '/api/delete',
        '/base/api/pull',
        '/api/chat',
        '/api/embed',
      ])
        assert.equal(read(text, undefined, path).model, model, `${path} ${text}`)
      if (model === 'n') assert.equal(read(text).model, undefined)
    }
    const text = '{"model":"","name":"n"}'
    const { modelSpan } = read(text, undefined, '/api/show')
    assert.equal(text.slice(modelSpan?.start, modelSpan?.end), '"n"')
  })

  for (const value of ['7', '["m"]', '{"id":"m"}', 'true', 'false', '-1.5']) {
    it(`must not be ${value} in an inference request`, () => {
      for (const path of [
        '/v1/chat/completions',
        '/v1/responses',
        '/api/chat',
        '/v1/embeddings',
        '/x/v1/rerank',
      ]) {
        assert.throws(
          () => read(`{"model":"m","model":${value}}`, undefined, path),
          (error) => error instanceof GatewayError && error.statusCode === 400 && /model/.test(error.message),
        )
      }
      assert.equal(read(`{"model":${value}}`, undefined, '/custom').model, undefined)
    })
  }

  it('is found without regard to case, as Go servers do, unless two spellings differ', () => {
    for (const text of [
      '{"Model":"m"}',
      '{"x":1,"MODEL":"m"}',
      '{"\\u004dodel":"m"}',
      '{"Model":"m","model":"m"}',
    ]) {
      const { model, modelSpan } = read(text)
      assert.equal(model, 'm', text)
      assert.equal(text.slice(modelSpan?.start, modelSpan?.end), '"m"')
    }
    for (const text of ['{"model":"m","Model":"n"}', '{"MODEL":"n","model":"m"}'])
      assert.throws(
        () => read(text),
        (error) => error instanceof GatewayError && error.statusCode === 400,
      )
    for (const text of ['{"mode":"m"}', '{"models":"m"}', '{"Model":7}', '{"madel":"m"}'])
      assert.equal(read(text).model, undefined)
  })

  it('may be in the query if nothing else names one', () => {
    const query = '?x=1&model=q'
    const named = (text: string | null, type?: string) =>
      inspectRequest(text === null ? null : Buffer.from(text), type, '/props', query)
    for (const text of [null, '{}', '{"model":""}', '{"model":7}', 'text']) {
      const { model, modelPlace, modelSpan } = named(text)
      assert.deepEqual([model, modelSpan, modelPlace?.in], ['q', undefined, 'query'], String(text))
      assert.equal(query.slice(modelPlace?.start, modelPlace?.end), 'q')
    }
    assert.equal(named(body).model, 'm')
    assert.equal(named('model=f', 'application/x-www-form-urlencoded').model, 'f')
    assert.equal(inspectUpload(' ', query).model, 'q')
    assert.equal(inspectUpload(' u ', query).model, 'u')
  })

  it('is found after a byte order mark, which is not forwarded', () => {
    assert.equal(withoutBom(Buffer.from(`\ufeff${body}`)).toString(), body)
    assert.equal(withoutBom(Buffer.from('\ufeff [1]')).toString(), ' [1]')
    for (const other of ['\ufefftext', '\ufeff', body, '']) {
      assert.equal(withoutBom(Buffer.from(other)).toString(), other)
    }
  })
})
