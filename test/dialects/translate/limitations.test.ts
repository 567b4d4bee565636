import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formats } from '../../../src/dialects/all.ts'
import {
  hasBareEvents,
  limitationNames,
  limitedFeatures,
  unsupportedFeatures,
} from '../../../src/dialects/translate/limitations.ts'
import { ProfileStore } from '../../../src/endpoints/profiles/profile-store.ts'
import type { JsonObject } from '../../../src/kernel/json/json-fields.ts'
import { profilesFolder } from '../../../src/kernel/package.ts'

const schema = { type: 'object' }
const tools = [{ type: 'function', name: 'f', parameters: schema }]
const image = { type: 'input_image', image_url: 'data:image/png;base64,iVBORw0KGgo=' }
const user = (content: unknown) => [{ role: 'user', content }]

/** A request to the Responses API with each limitation's feature, and one that is like it but does without. */
const requests: Readonly<Record<string, readonly [JsonObject, JsonObject, features: readonly string[]]>> = {
  no_tool_use: [{ input: 'a', tools }, { input: '"tools"' }, ['tools']],
  no_streamed_tools: [{ input: 'a', tools, stream: true }, { input: 'a', tools }, ['tools']],
  no_extended_thinking: [{ input: 'a', reasoning: { effort: 'low' } }, { input: '"reasoning"' }, ['effort']],
  no_vision: [{ input: user([image]) }, { input: 'an image' }, ['image_data']],
  no_structured_output: [
    { input: 'a', text: { format: { type: 'json_schema', name: 'n', schema } } },
    { input: user([{ type: 'input_text', text: '"json_schema"' }]), text: { format: { type: 'text' } } },
    ['json_schema'],
  ],
  no_stop_sequences: [{ input: 'a', stop: ['x'] }, { input: '"stop"', stop: [] }, ['stop']],
  no_forbidden_tools: [
    { input: 'a', tools, tool_choice: 'none' },
    { input: 'a', tools, tool_choice: 'required', reasoning: { effort: 'none' } },
    ['forbidden_tools'],
  ],
  no_custom_tools: [
    { input: 'a', tools: [{ type: 'custom', name: 'f' }] },
    { input: 'a', tools: [{ type: 'function', name: 'custom', parameters: schema }] },
    ['custom_tools'],
  ],
  no_logprobs: [{ input: 'a', top_logprobs: 2 }, { input: 'logprobs', top_logprobs: 0 }, ['logprobs']],
}

const responses = formats.find(({ name }) => name === 'responses') ?? assert.fail()

function unsupported(names: readonly string[], request: JsonObject, version?: string) {
  return unsupportedFeatures(names, version, Buffer.from(JSON.stringify(request)), () =>
    responses.readRequest(request),
  )
}

describe('limitations of a route', () => {
  for (const [name, [uses, without, features]] of Object.entries(requests)) {
    it(`${name} concerns only requests that use it`, () => {
      assert.deepEqual(unsupported([name], uses), features)
      assert.deepEqual(unsupported([name], without), [])
      assert.deepEqual(unsupported([], uses), [])
    })
  }

  it('end with a version', () => {
    const [uses] = requests.no_logprobs ?? assert.fail()
    assert.deepEqual(unsupported(['no_logprobs<b200'], uses, 'b199'), ['logprobs'])
    assert.deepEqual(unsupported(['no_logprobs<b200'], uses, 'b200'), [])
    assert.ok(hasBareEvents(['bare_events<b200'], 'b199'))
    assert.ok(!hasBareEvents(['bare_events<b200'], 'b200'))
    assert.ok(!hasBareEvents(['no_logprobs'], undefined))
  })

  it('leave a request unread that does not have their marks', () => {
    const unread = () => assert.fail('was read')
    assert.deepEqual(
      unsupportedFeatures(Object.keys(requests), undefined, Buffer.from('{"input":"a"}'), unread),
      [],
    )
  })

  it('concern requests that the gateway writes, except where it does without the feature', () => {
    const [custom] = requests.no_custom_tools ?? assert.fail()
    const [logprobs] = requests.no_logprobs ?? assert.fail()
    assert.deepEqual(limitedFeatures(['no_custom_tools'], undefined, responses.readRequest(custom)), [])
    assert.deepEqual(limitedFeatures(['no_logprobs'], undefined, responses.readRequest(logprobs)), [
      'logprobs',
    ])
  })

  it('are known by name in every profile', () => {
    assert.deepEqual([...Object.keys(requests), 'bare_events'], limitationNames)
    for (const { anthropic, responses: own } of new ProfileStore({ builtIn: profilesFolder }).all()) {
      for (const name of [...anthropic.limitations, ...own.limitations]) {
        // Olla's notes about routes that count tokens.
        if (name.includes('token_counting')) continue
        assert.ok(limitationNames.includes(name.split('<')[0] ?? ''), name)
      }
    }
  })
})
