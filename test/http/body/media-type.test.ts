import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type MediaKind, readMediaType } from '../../../src/http/body/media-type.ts'

describe('readMediaType', () => {
  const kinds: readonly [string, MediaKind, boolean][] = [
    ['application/json', 'json', true],
    ['Application/JSON; charset=UTF-8', 'json', true],
    [' application/json ', 'json', true],
    ['application/vnd.api+json', 'json', true],
    ['application/json, application/json', 'other', false],
    ['text/json', 'other', true],
    ['text/plain;charset=utf-8', 'other', true],
    ['*/*', 'other', true],
    ['application/octet-stream', 'other', true],
    ['application/x-ndjson', 'other', true],
    ['APPLICATION/X-WWW-FORM-URLENCODED', 'form', true],
    ['Multipart/Form-Data; boundary=x', 'multipart', true],
    ['multipart/mixed', 'multipart', true],
    ['Image/PNG', 'binary', true],
    ['audio/wav', 'binary', true],
    ['application/pdf', 'binary', true],
    ['', 'other', false],
    ['json', 'other', false],
    ['a/b/c', 'other', false],
    [';', 'other', false],
  ]
  for (const [text, kind, isValid] of kinds) {
    it(`calls "${text}" ${isValid ? '' : 'an invalid '}${kind}`, () => {
      assert.deepEqual(readMediaType(text), { kind, isValid })
    })
  }
})
