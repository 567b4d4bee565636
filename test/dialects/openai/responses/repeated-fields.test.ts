import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type OpenAI from 'openai'
import { answer, chunk, usage } from './support.ts'

type Request = OpenAI.Responses.ResponseCreateParams
type Response = OpenAI.Responses.Response

/** Members of the request, and what the response has of them. */
const cases: readonly (readonly [request: Partial<Request>, response: Partial<Response>])[] = [
  [
    {},
    {
      max_tool_calls: null,
      truncation: 'disabled',
      service_tier: 'default',
      metadata: {},
      background: false,
    },
  ],
  [{ metadata: { a: 'b' } }, { metadata: { a: 'b' } }],
  [{ max_tool_calls: 3 }, { max_tool_calls: 3 }],
  [{ truncation: 'auto' }, { truncation: 'auto' }],
  [{ prompt_cache_key: 'k' }, { prompt_cache_key: 'k' }],
  [{ safety_identifier: 's' }, { safety_identifier: 's' }],
  [{ user: 'u' }, { user: 'u' }],
  [{ service_tier: 'flex' }, { service_tier: 'default' }],
  [
    { temperature: 0.5, top_p: 0.9 },
    { temperature: 0.5, top_p: 0.9 },
  ],
  [{ parallel_tool_calls: false }, { parallel_tool_calls: false }],
]

function responseTo(request: Partial<Request>, isKept = true): Response {
  const chunks = [chunk({ content: 'x' }), chunk({}, 'stop', usage(1, 1))]
  const store = isKept ? () => undefined : undefined
  return JSON.parse(answer({}, chunks, undefined, { request: { model: 'm', input: 'x', ...request }, store }))
}

describe('a translated response', () => {
  for (const [request, expected] of cases) {
    it(`repeats ${JSON.stringify(request)}`, () => {
      const response = responseTo(request)
      for (const [key, value] of Object.entries(expected))
        assert.deepEqual(Object.entries(response).find(([name]) => name === key)?.[1], value, key)
    })
  }

  it('says whether it is kept', () => {
    const isKept = (request: Partial<Request>, isOn = true) =>
      Object.entries(responseTo(request, isOn)).find(([name]) => name === 'store')?.[1]
    assert.deepEqual(
      [isKept({}), isKept({ store: true }), isKept({ store: false }), isKept({}, false)],
      [true, true, false, false],
    )
  })
})
