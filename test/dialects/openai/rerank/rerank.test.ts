import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { refusedFeatures } from '../../../../src/dialects/hub/contract/features.ts'
import {
  cohereRerankFormat,
  rerankFormat,
  scoreFormat,
  textsRerankFormat,
} from '../../../../src/dialects/openai/rerank/rerank-formats.ts'
import type { JsonObject } from '../../../../src/kernel/json/json-fields.ts'
import { exchanged } from '../../translate/exchange-support.ts'

const documents = ['apple', 'pear', 'plum']
const request = { model: 'm', query: 'fruit', documents }
/** In the forms of the engines, as they send them for `request`. */
const engineAnswers: Readonly<Record<string, unknown>> = {
  'vLLM /v1/rerank': {
    id: 'score-1',
    model: 'served',
    usage: { prompt_tokens: 9, total_tokens: 9 },
    results: [
      { index: 1, document: { text: 'pear', multi_modal: null }, relevance_score: 0.9 },
      { index: 2, document: { text: 'plum', multi_modal: null }, relevance_score: 0.5 },
      { index: 0, document: { text: 'apple', multi_modal: null }, relevance_score: 0.1 },
    ],
  },
  'vLLM /score': {
    id: 'score-1',
    object: 'list',
    created: 1,
    model: 'served',
    data: [
      { index: 0, object: 'score', score: 0.1 },
      { index: 1, object: 'score', score: 0.9 },
      { index: 2, object: 'score', score: 0.5 },
    ],
    usage: { prompt_tokens: 9, total_tokens: 9, completion_tokens: 0, prompt_tokens_details: null },
  },
  'llama.cpp with documents': {
    model: 'served',
    object: 'list',
    usage: { prompt_tokens: 9, total_tokens: 9 },
    results: [
      { index: 1, relevance_score: 0.9 },
      { index: 2, relevance_score: 0.5 },
      { index: 0, relevance_score: 0.1 },
    ],
  },
  'llama.cpp before it sorted': {
    model: 'served',
    object: 'list',
    usage: { prompt_tokens: 9, total_tokens: 9 },
    results: [0.1, 0.9, 0.5].map((score, index) => ({ index, relevance_score: score })),
  },
  'llama.cpp with texts': [
    { index: 1, score: 0.9 },
    { index: 2, score: 0.5 },
    { index: 0, score: 0.1 },
  ],
  SGLang: [
    { score: 0.9, document: 'pear', index: 1, meta_info: { prompt_tokens: 3 } },
    { score: 0.5, document: 'plum', index: 2, meta_info: { prompt_tokens: 3 } },
    { score: 0.1, document: 'apple', index: 0, meta_info: { prompt_tokens: 3 } },
  ],
  Cohere: {
    id: 'x',
    results: [
      { index: 1, relevance_score: 0.9 },
      { index: 2, relevance_score: 0.5 },
      { index: 0, relevance_score: 0.1 },
    ],
    meta: { api_version: { version: '2' }, tokens: { input_tokens: 9, output_tokens: 0 } },
  },
  Voyage: {
    object: 'list',
    data: [
      { index: 1, relevance_score: 0.9 },
      { index: 2, relevance_score: 0.5 },
      { index: 0, relevance_score: 0.1 },
    ],
    model: 'served',
    usage: { total_tokens: 9 },
  },
}
const both = (client: typeof rerankFormat, endpoint = rerankFormat) => ({ client, endpoint })

for (const [engine, answer] of Object.entries(engineAnswers)) {
  // llama.cpp counts none with `texts`, so 28 characters are an estimate of 7.
  const promptTokens = engine === 'llama.cpp with texts' ? 7 : 9

  describe(`the answer of ${engine}`, () => {
    it('reaches a client of /v1/rerank', () => {
      assert.deepEqual(exchanged(both(rerankFormat), request).answered(answer), {
        statusCode: 200,
        body: {
          id: 'rerank_1',
          object: 'list',
          model: 'client-model',
          usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
          results: [
            { index: 1, relevance_score: 0.9, document: { text: 'pear' } },
            { index: 2, relevance_score: 0.5, document: { text: 'plum' } },
            { index: 0, relevance_score: 0.1, document: { text: 'apple' } },
          ],
        },
      })
    })

    it('reaches a client of Cohere’s /v2/rerank', () => {
      const { body } = exchanged(both(cohereRerankFormat), { ...request, top_n: 2 }).answered(answer)
      assert.deepEqual(body, {
        id: 'rerank_1',
        results: [
          { index: 1, relevance_score: 0.9 },
          { index: 2, relevance_score: 0.5 },
        ],
        meta: { api_version: { version: '2' }, tokens: { input_tokens: promptTokens } },
      })
    })

    it('reaches a client that sends texts', () => {
      const texts = { query: 'fruit', texts: documents, return_text: true }
      assert.deepEqual(exchanged(both(textsRerankFormat), texts).answered(answer).body, [
        { index: 1, score: 0.9, text: 'pear' },
        { index: 2, score: 0.5, text: 'plum' },
        { index: 0, score: 0.1, text: 'apple' },
      ])
    })

    it('reaches a client of /score', () => {
      const score = { text_1: 'fruit', text_2: documents }
      assert.deepEqual(exchanged(both(scoreFormat), score).answered(answer).body, {
        id: 'score_1',
        object: 'list',
        created: 1_700_000_000,
        model: 'client-model',
        data: [
          { index: 0, object: 'score', score: 0.1 },
          { index: 1, object: 'score', score: 0.9 },
          { index: 2, object: 'score', score: 0.5 },
        ],
        usage: { prompt_tokens: promptTokens, total_tokens: promptTokens, completion_tokens: 0 },
      })
    })
  })
}

describe('a request to rank', () => {
  for (const [endpoint, path, expected] of [
    [rerankFormat, '/v1/rerank', { query: 'fruit', documents, top_n: 2, return_documents: false }],
    [cohereRerankFormat, '/v2/rerank', { query: 'fruit', documents, top_n: 2, max_tokens_per_doc: 64 }],
    [textsRerankFormat, '/rerank', { query: 'fruit', texts: documents, return_text: false }],
    [scoreFormat, '/score', { text_1: 'fruit', text_2: documents }],
  ] as const) {
    it(`is sent to ${path} in its form`, () => {
      const given = { ...request, top_n: 2, max_tokens_per_doc: 64, return_documents: true }
      const { variant, sent } = exchanged(both(rerankFormat, endpoint), given)
      assert.equal(variant.path, path)
      assert.deepEqual(sent, { model: 'endpoint-model', ...expected })
    })
  }

  // HKUDS/LightRAG#1813: Cohere answers `top_k` with 422.
  it('sends top_n, whichever name the client uses', () => {
    const { sent } = exchanged(both(rerankFormat, cohereRerankFormat), { ...request, top_k: 1 })
    assert.deepEqual([sent.top_n, sent.top_k], [1, undefined])
  })

  for (const topN of [0, 3, 4, 1_000, -1, null]) {
    it(`receives all results for top_n ${topN}, and sends none`, () => {
      for (const endpoint of [rerankFormat, cohereRerankFormat, textsRerankFormat, scoreFormat]) {
        const { sent, answered } = exchanged(both(rerankFormat, endpoint), { ...request, top_n: topN })
        assert.equal('top_n' in sent, false)
        assert.equal(answered(engineAnswers.SGLang).body.results.length, 3)
      }
    })
  }

  it('limits results itself if the endpoint does not', () => {
    const { answered } = exchanged(both(rerankFormat, scoreFormat), { ...request, top_n: 1 })
    const { results } = answered(engineAnswers['vLLM /score']).body
    assert.deepEqual(results, [{ index: 1, relevance_score: 0.9, document: { text: 'pear' } }])
  })

  // cohere-ai/notebooks#202: clients read `document.text`, which no engine but vLLM sends.
  it('fills documents from the request by index, if requested', () => {
    const answer = engineAnswers['llama.cpp with documents']
    const first = (format: typeof rerankFormat, given: JsonObject) =>
      exchanged(both(format), { ...request, ...given }).answered(answer).body.results[0].document
    assert.deepEqual(first(rerankFormat, { return_documents: true }), { text: 'pear' })
    assert.deepEqual(first(cohereRerankFormat, { return_documents: true }), { text: 'pear' })
    assert.equal(first(rerankFormat, { return_documents: false }), undefined)
    assert.equal(first(cohereRerankFormat, {}), undefined)
  })

  // ggml-org/llama.cpp#8555: scores are logits, 7.7 to -11.
  it('passes raw scores on and keeps their order', () => {
    const scores = [7.7, 0.25, -11]
    const answer = { results: scores.map((score, index) => ({ index, relevance_score: score })) }
    const { results } = exchanged(both(rerankFormat), request).answered(answer).body
    assert.deepEqual(
      results.map((each: JsonObject) => each.relevance_score),
      scores,
    )
  })

  it('keeps the endpoint’s order of equal scores', () => {
    const answer = [2, 0, 1].map((index) => ({ index, score: 0.5 }))
    const { results } = exchanged(both(rerankFormat), request).answered(answer).body
    assert.deepEqual(
      results.map((each: JsonObject) => each.index),
      [2, 0, 1],
    )
  })

  // llama.cpp accepts only texts (maximhq/bifrost#5258).
  it('sends documents that are objects as texts', () => {
    const { sent } = exchanged(both(rerankFormat), {
      query: { text: 'fruit' },
      documents: [{ text: 'a', id: 1 }, 'b'],
      rank_fields: ['text'],
    })
    assert.deepEqual([sent.query, sent.documents], ['fruit', ['a', 'b']])
  })

  it('names what an endpoint cannot do', () => {
    const refused = (given: JsonObject, format = rerankFormat) =>
      refusedFeatures(format.readRequest(given).uses, rerankFormat.fates)
    assert.deepEqual(refused({ ...request, rank_fields: ['title'] }), ['rank_fields'])
    assert.deepEqual(refused({ ...request, instruct: 'rank by age' }), ['engine_options'])
    assert.deepEqual(refused({ ...request, rank_fields: ['text'], top_n: 1, max_tokens_per_doc: 5 }), [])
    assert.deepEqual(refused({ text_1: ['a', 'b'], text_2: ['c', 'd'] }, scoreFormat), ['several_queries'])
    assert.deepEqual(refused({ text_1: ['a', 'a'], text_2: ['c', 'd'] }, scoreFormat), [])
  })

  for (const [format, given, message] of [
    [rerankFormat, { documents }, /^query: /],
    [rerankFormat, { query: 'q' }, /^documents: /],
    [rerankFormat, { query: 'q', documents: [] }, /^documents: /],
    [rerankFormat, { query: 'q', documents: 'd' }, /^documents: /],
    [rerankFormat, { query: 'q', documents: ['a', { image: 'https://x' }] }, /^documents\.1: /],
    [rerankFormat, { query: 'q', documents: ['a', null] }, /^documents\.1: /],
    [rerankFormat, { query: 'q', documents, top_n: '2' }, /^top_n: /],
    [rerankFormat, { query: 'q', documents, return_documents: 'yes' }, /^return_documents: /],
    [textsRerankFormat, { query: 'q', texts: [] }, /^texts: /],
    [scoreFormat, { text_1: 'a' }, /^text_2: /],
    [scoreFormat, { text_1: ['a', 'b'], text_2: 'c' }, /^text_1: /],
    [scoreFormat, { text_1: [], text_2: 'c' }, /^text_1: /],
    [scoreFormat, { queries: ['a', 'b', 'c'], documents: ['c', 'd'] }, /^queries: /],
  ] as const) {
    it(`names the field that is wrong in ${JSON.stringify(given)}`, () => {
      assert.throws(() => format.readRequest(given), { code: 'invalid_request', message })
    })
  }
})

describe('a request to score', () => {
  for (const names of [
    ['text_1', 'text_2'],
    ['data_1', 'data_2'],
    ['queries', 'documents'],
    ['queries', 'items'],
  ] as const) {
    it(`may call its sides ${names.join(' and ')}`, () => {
      const { sent } = exchanged(both(scoreFormat, scoreFormat), {
        [names[0]]: ['q', 'r'],
        [names[1]]: ['a', 'b'],
      })
      assert.deepEqual(sent, { model: 'endpoint-model', text_1: ['q', 'r'], text_2: ['a', 'b'] })
    })
  }

  it('fails if a score is missing', () => {
    const { answered } = exchanged(both(scoreFormat), { text_1: 'q', text_2: documents })
    const { statusCode, body } = answered([{ index: 0, score: 1 }])
    assert.equal(statusCode, 502)
    assert.match(body.error.message, /1 scores for 3 texts/)
  })
})

describe('an answer with scores', () => {
  for (const [name, answer] of Object.entries({
    'a doubled index': [0, 0].map((index) => ({ index, score: 1 })),
    'an index beyond the documents': [{ index: 3, score: 1 }],
    'a negative index': [{ index: -1, score: 1 }],
    'no score': [{ index: 0 }],
    'a score of null': [{ index: 0, score: null }],
    'no results': { results: [] },
    'something else': { choices: [] },
    'a text': '"hello"',
  })) {
    it(`fails with ${name}`, () => {
      assert.equal(exchanged(both(rerankFormat), request).answered(answer).statusCode, 502)
    })
  }

  it('is ranked by score, whatever its order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 }),
        (scores) => {
          const given = { query: 'q', documents: scores.map(String) }
          const { body } = exchanged(both(rerankFormat), given).answered(
            scores.map((score, index) => ({ index, score })),
          )
          const ranked: number[] = body.results.map((each: JsonObject) => each.relevance_score)
          assert.deepEqual(
            ranked.map((score) => score + 0),
            scores.map((score) => score + 0).toSorted((one, other) => other - one),
          )
          for (const { index, document } of body.results) assert.equal(document.text, given.documents[index])
        },
      ),
    )
  })
})
