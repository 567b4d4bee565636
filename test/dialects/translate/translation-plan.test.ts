import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formats } from '../../../src/dialects/all.ts'
import { messagesRefusals } from '../../../src/dialects/errors/refusals.ts'
import { TranslationPlan } from '../../../src/dialects/translate/translation-plan.ts'
import { ProfileStore } from '../../../src/endpoints/profiles/profile-store.ts'
import { profilesFolder } from '../../../src/kernel/package.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'

const chat = formats.find(({ name }) => name === 'chat') ?? assert.fail('chat')
const profiles = new ProfileStore({ builtIn: profilesFolder })

function setup() {
  const served = new Set(['/v1/messages'])
  const seen = { questions: 0, version: 1 }
  const plan = new TranslationPlan(formats, {
    serves(_endpoint, path) {
      seen.questions++
      return served.has(path)
    },
    serverVersion: () => undefined,
    version: () => seen.version,
  })
  return { plan, served, seen }
}

const namesOf = (plan: TranslationPlan, candidate: Parameters<TranslationPlan['route']>[1]) =>
  plan.route(chat, candidate).targets.map(({ name }) => name)

describe('the route of a format to an endpoint', () => {
  it('is found once per model while nothing changes', () => {
    const { plan, served, seen } = setup()
    const target = { endpoint: endpoint({ slot: 0, profile: profiles.get('vllm') }), nativeModel: 'a' }
    const before = plan.route(chat, target)
    const { questions } = seen
    assert.equal(plan.route(chat, target), before)
    assert.equal(seen.questions, questions)
    plan.route(chat, { ...target, nativeModel: 'b' })
    assert.ok(seen.questions > questions)
    served.add('/v1/responses')
    seen.version++
    assert.ok(namesOf(plan, target).includes('responses'))
  })

  it('changes when an endpoint refuses the Messages API', () => {
    const { plan } = setup()
    const proxy = endpoint({ slot: 1, profile: profiles.get('litellm') })
    const target = { endpoint: proxy, nativeModel: undefined }
    const had = namesOf(plan, target)
    assert.ok(had.includes('messages'))
    messagesRefusals.add(proxy)
    assert.deepEqual(
      namesOf(plan, target),
      had.filter((name) => name !== 'messages'),
    )
  })
})
