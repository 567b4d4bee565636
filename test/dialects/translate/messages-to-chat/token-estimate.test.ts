import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import {
  promptText,
  roughTokens,
} from '../../../../src/dialects/translate/messages-to-chat/tokens/prompt-text.ts'
import {
  estimateTokens,
  isInstalled,
  loadTokenizer,
  type TokenizerName,
} from '../../../../src/dialects/translate/messages-to-chat/tokens/token-estimate.ts'

const chat = {
  messages: [
    { role: 'system', content: 'one two' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'three' },
        { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(10_000)}` } },
      ],
    },
    {
      role: 'assistant',
      content: null,
      reasoning: 'four',
      tool_calls: [{ id: 'x', function: { name: 'f', arguments: '{"a":1}' } }],
    },
    { role: 'tool', tool_call_id: 'x', content: 'five' },
  ],
  tools: [{ type: 'function', function: { name: 'f' } }],
}
const saying = (...texts: string[]) => ({ messages: texts.map((content) => ({ role: 'user', content })) })
const pause = () => Promise.resolve()
const tokenizers = ['rules', 'gpt-tokenizer'] as const
const using = (name: TokenizerName) => () => loadTokenizer(name)

describe('promptText', () => {
  it('collects the text that a model reads, without images', () => {
    const { texts, messages, images } = promptText(chat)
    assert.deepEqual(texts, [
      'one two',
      'three',
      'f {"a":1}',
      'four',
      'five',
      '{"type":"function","function":{"name":"f"}}',
    ])
    assert.deepEqual([messages, images], [4, 1])
    assert.equal(roughTokens(chat), Math.ceil(72 / 4) + 16 + 1000 + 83)
  })
})

describe('estimateTokens', () => {
  for (const name of tokenizers) {
    it(`counts the text and the tokens of the template (${name})`, async () => {
      assert.equal(isInstalled(name), true)
      const prompt = saying('hello world, how are you?')
      assert.equal(await estimateTokens(prompt, using(name), pause), 7 + 4 + 3)
      assert.equal(await estimateTokens({ messages: [] }, using(name), pause), 1)
    })

    it(`treats text that looks like a special token as text (${name})`, async () => {
      const prompt = saying('<|endoftext|>')
      assert.ok((await estimateTokens(prompt, using(name), pause)) > 1 + 4 + 3)
    })
  }

  it('is within a quarter of a vocabulary by rules, for prose, code and JSON', async () => {
    for (const file of [
      '../../../../LICENSE',
      '../../../../README.md',
      '../../../../src/gateway.ts',
      '../../../../config/schema.json',
    ]) {
      const prompt = saying(await readFile(new URL(file, import.meta.url), 'utf8'))
      const [byRules, byVocabulary] = [
        await estimateTokens(prompt, using('rules'), pause),
        await estimateTokens(prompt, using('gpt-tokenizer'), pause),
      ]
      assert.ok(Math.abs(byRules / byVocabulary - 1) < 0.25, `${file}: ${byRules}, ${byVocabulary}`)
    }
  })

  it('never passes a tokenizer a word that is too long for it', async () => {
    const asked: string[] = []
    const count = (text: string) => {
      asked.push(text)
      return 1
    }
    const texts = ['x'.repeat(5_000), 'short words '.repeat(1_000)]
    await estimateTokens(saying(...texts), () => Promise.resolve(count), pause)
    assert.equal(asked.join(''), texts.join(''))
    assert.ok(asked.every((piece) => !/\S{257}/.test(piece) && piece.length <= 2_048))
    assert.ok(asked.length < 40)
  })

  it('lets other work run if it takes long', async () => {
    let pauses = 0
    const slow = () => {
      const endMs = performance.now() + 6
      while (performance.now() < endMs);
      return 1
    }
    const texts = ['a', 'b', 'c']
    const tokens = await estimateTokens(
      saying(...texts),
      () => Promise.resolve(slow),
      () => {
        pauses++
        return pause()
      },
    )
    assert.equal(tokens, 3 + 12 + 3)
    assert.equal(pauses, 3)
  })

  it('counts for a limited time and extrapolates the rest', async () => {
    let counted = 0
    const slow = () => {
      const endMs = performance.now() + 20
      while (performance.now() < endMs);
      counted++
      return 100
    }
    const texts = Array.from({ length: 1_000 }, () => 'x'.repeat(200))
    const tokens = await estimateTokens(saying(...texts), () => Promise.resolve(slow), pause)
    assert.ok(counted < 100, String(counted))
    assert.equal(tokens, 1_000 * 100 + 4_000 + 3)
  })
})
