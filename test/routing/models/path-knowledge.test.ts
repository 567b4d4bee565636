import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ProfileStore } from '../../../src/endpoints/profiles/profile-store.ts'
import { profilesFolder } from '../../../src/kernel/package.ts'
import { apiPathOf } from '../../../src/routing/models/api-paths.ts'
import { PathKnowledge } from '../../../src/routing/models/path-knowledge.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'
import { FakeClock } from '../../support/fake-clock.ts'

describe('the API path of a request', () => {
  const paths: readonly (readonly [string, string | undefined])[] = [
    ['/v1/chat/completions', '/v1/chat/completions'],
    ['/v1/chat/completions/', '/v1/chat/completions'],
    ['/v1/responses/resp_12ab/cancel', '/v1/responses'],
    ['/v1/responses/resp_12ab', '/v1/responses'],
    ['/v1/files/file-1', '/v1/files'],
    ['/v1beta/models', '/v1beta/models'],
    ['/engines/llama.cpp/v1/chat/completions', '/engines/llama.cpp/v1/chat/completions'],
    ['/v1/models/org%2Fname', '/v1/models'],
    ['/', undefined],
    ['/123', undefined],
    [`/${'a'.repeat(100)}`, undefined],
    [`/${'a/'.repeat(9)}`, undefined],
  ]
  for (const [path, expected] of paths) {
    it(`of ${path.slice(0, 60)} is ${expected}`, () => assert.equal(apiPathOf(path), expected))
  }
})

const one = endpoint({ slot: 1, profile: undefined })

function createKnowledge() {
  const clock = new FakeClock()
  const versions: (string | undefined)[] = []
  const knowledge = new PathKnowledge({
    clock,
    fallbackPaths: () => ['/v1/chat/completions'],
    versionOf: (slot) => versions[slot],
  })
  return { clock, versions, knowledge }
}

describe('the path memory', () => {
  it('starts with the profile until an answer corrects it', () => {
    const { knowledge } = createKnowledge()
    assert.equal(knowledge.serves(one, '/v1/chat/completions'), true)
    assert.equal(knowledge.serves(one, '/v1/rerank'), undefined)
    knowledge.learn(one, '/v1/chat/completions', false, 'File Not Found')
    assert.equal(knowledge.serves(one, '/v1/chat/completions'), false)
    assert.equal(knowledge.errorMessageOf(1, '/v1/chat/completions'), 'File Not Found')
    knowledge.learn(one, '/v1/rerank', true)
    assert.equal(knowledge.serves(one, '/v1/rerank'), true)
    assert.equal(knowledge.serves(endpoint({ slot: 2, profile: undefined }), '/v1/rerank'), undefined)
  })

  it('treats unlisted paths below /api as Ollama’s', () => {
    const { knowledge } = createKnowledge()
    const profiles = new ProfileStore({ builtIn: profilesFolder })
    const ollama = endpoint({ slot: 3, profile: profiles.get('ollama') })
    const vllm = endpoint({ slot: 4, profile: profiles.get('vllm') })
    for (const [path, expected] of [
      ['/api/status', true],
      ['/api/experimental/web_search', true],
      ['/api/v0/models', undefined],
      ['/v1/files', undefined],
    ] as const) {
      assert.equal(knowledge.serves(ollama, path), expected, path)
      assert.equal(knowledge.serves(vllm, path), undefined, path)
    }
    knowledge.learn(ollama, '/api/status', false)
    assert.equal(knowledge.serves(ollama, '/api/status'), false)
  })

  it('expires, with an event', async () => {
    const { knowledge, clock } = createKnowledge()
    knowledge.learn(one, '/v1/score', true)
    knowledge.learn(one, '/v1/rerank', false)
    await clock.advance(2_000)
    const { version } = knowledge
    await clock.advance(297_000)
    assert.equal(knowledge.serves(one, '/v1/rerank'), false)
    assert.equal(knowledge.version, version)
    await clock.advance(2_000)
    assert.equal(knowledge.serves(one, '/v1/rerank'), undefined)
    assert.notEqual(knowledge.version, version)
  })

  it('is cleared when the server changes', () => {
    const { knowledge, versions } = createKnowledge()
    versions[1] = '0.10.0'
    knowledge.learn(one, '/v1/rerank', false)
    assert.equal(knowledge.serves(one, '/v1/rerank'), false)
    versions[1] = '0.12.0'
    assert.equal(knowledge.serves(one, '/v1/rerank'), undefined)
    knowledge.learn(one, '/v1/rerank', false)
    knowledge.forget(1)
    assert.equal(knowledge.serves(one, '/v1/rerank'), undefined)
  })

  it('learns nothing from other forms of the path', () => {
    const { knowledge } = createKnowledge()
    for (const path of ['/v1/chat/completions/', '/v1/responses/resp_1', '/v1/files/file-1'])
      knowledge.learn(one, path, false)
    assert.equal(knowledge.serves(one, '/v1/chat/completions'), true)
    assert.equal(knowledge.serves(one, '/v1/responses'), undefined)
  })

  it('expires sooner for a path that the backend type has', async () => {
    const { knowledge, clock } = createKnowledge()
    knowledge.learn(one, '/v1/chat/completions', false)
    knowledge.learn(one, '/v1/rerank', false)
    assert.equal(knowledge.serves(one, '/v1/chat/completions'), false)
    await clock.advance(31_000)
    assert.equal(knowledge.serves(one, '/v1/chat/completions'), true)
    assert.equal(knowledge.serves(one, '/v1/rerank'), false)
  })

  it('is bounded', () => {
    const { knowledge } = createKnowledge()
    const letters = 'abcdefghijklmnopqrstuvwxyz'
    for (let at = 0; at < 5_000; at++) {
      const name = [at % 26, Math.floor(at / 26) % 26, Math.floor(at / 676)]
        .map((each) => letters[each])
        .join('')
      knowledge.learn(one, `/v1/${name}`, false)
    }
    assert.equal(knowledge.serves(one, '/v1/aaa'), undefined)
  })

  it('is sent to the other threads', () => {
    const { knowledge } = createKnowledge()
    const other = createKnowledge().knowledge
    knowledge.onLearned((fact) => other.take(fact))
    knowledge.learn(one, '/v1/responses', false, 'x'.repeat(1_000))
    assert.equal(other.serves(one, '/v1/responses'), false)
    assert.equal(other.errorMessageOf(1, '/v1/responses')?.length, 200)
  })

  it('is sent once while it stays the same, and again before it expires', async () => {
    const { knowledge, clock } = createKnowledge()
    const facts: boolean[] = []
    knowledge.onLearned(({ serves }) => facts.push(serves))
    for (let times = 0; times < 3; times++) knowledge.learn(one, '/v1/rerank', true)
    assert.deepEqual(facts, [true])
    await clock.advance(31 * 60_000)
    knowledge.learn(one, '/v1/rerank', true)
    assert.deepEqual(facts, [true, true])
    await clock.advance(31 * 60_000)
    assert.equal(knowledge.serves(one, '/v1/rerank'), true)
    knowledge.learn(one, '/v1/rerank', false)
    knowledge.learn(one, '/v1/rerank', true)
    assert.deepEqual(facts, [true, true, false, true])
  })
})

describe('a missing path among other answers', () => {
  const rows: [string, string, (knowledge: PathKnowledge) => void, boolean][] = [
    ['an unlisted path', '/v1/rerank', () => {}, true],
    ['a path of the profile', '/v1/chat/completions', () => {}, false],
    ['an earlier success', '/v1/rerank', (knowledge) => knowledge.learn(one, '/v1/rerank', true), false],
    [
      'an earlier success and two 404s',
      '/v1/rerank',
      (knowledge) => {
        knowledge.learn(one, '/v1/rerank', true)
        knowledge.learn(one, '/v1/rerank', false)
      },
      false,
    ],
  ]
  for (const [title, path, before, isSure] of rows) {
    it(`${isSure ? 'is certain with' : 'stays uncertain with'} ${title}`, async () => {
      const { knowledge, clock } = createKnowledge()
      before(knowledge)
      knowledge.learn(one, path, false)
      assert.equal(knowledge.serves(one, path), false)
      assert.equal(knowledge.lacksForSure(one, path), isSure)
      await clock.advance(31_000)
      assert.equal(knowledge.serves(one, path) === false, isSure)
    })
  }
})

describe('a missing path', () => {
  it('is tried again after a second if no other endpoint has it', async () => {
    const { knowledge, clock } = createKnowledge()
    knowledge.learn(one, '/v1/rerank', false)
    assert.equal(knowledge.lacksForSure(one, '/v1/rerank'), true)
    const { version } = knowledge
    await clock.advance(1_001)
    assert.equal(knowledge.lacksForSure(one, '/v1/rerank'), false)
    assert.equal(knowledge.serves(one, '/v1/rerank'), false)
    assert.notEqual(knowledge.version, version, 'cached decisions expire')
    knowledge.learn(one, '/v1/rerank', false)
    assert.equal(knowledge.lacksForSure(one, '/v1/rerank'), true)
  })
})

describe('paths of an endpoint with several models', () => {
  type Seen = readonly [model: string | undefined, serves: boolean]
  const rows: readonly {
    title: string
    seen: readonly Seen[]
    asked: string | undefined
    serves: boolean | undefined
  }[] = [
    { title: 'the rejected model', seen: [['a', false]], asked: 'a', serves: false },
    { title: 'another model', seen: [['a', false]], asked: 'b', serves: undefined },
    { title: 'no model', seen: [['a', false]], asked: undefined, serves: false },
    {
      title: 'a third model',
      seen: [
        ['a', false],
        ['b', false],
      ],
      asked: 'c',
      serves: false,
    },
    {
      title: 'a model, if another is served',
      seen: [
        ['a', false],
        ['b', true],
      ],
      asked: 'c',
      serves: true,
    },
    {
      title: 'the rejected model, if another is served',
      seen: [
        ['a', false],
        ['b', true],
      ],
      asked: 'a',
      serves: false,
    },
    {
      title: 'any model, if a request without one was rejected',
      seen: [[undefined, false]],
      asked: 'a',
      serves: false,
    },
    {
      title: 'any model, if one is served since',
      seen: [
        [undefined, false],
        ['b', true],
      ],
      asked: 'a',
      serves: true,
    },
    {
      title: 'no model, if one is served since',
      seen: [
        ['a', false],
        ['b', true],
      ],
      asked: undefined,
      serves: true,
    },
  ]
  for (const { title, seen, asked, serves } of rows) {
    it(`${title}: ${serves}`, () => {
      const knowledge = new PathKnowledge({
        clock: new FakeClock(),
        fallbackPaths: () => [],
        versionOf: () => undefined,
        countModels: () => 3,
      })
      const other = createKnowledge().knowledge
      knowledge.onLearned((fact) => other.take(fact))
      for (const [model, has] of seen) knowledge.learn(one, '/v1/embeddings', has, '', model)
      assert.equal(knowledge.serves(one, '/v1/embeddings', asked), serves)
      assert.equal(other.serves(one, '/v1/embeddings', asked), serves)
    })
  }
})
