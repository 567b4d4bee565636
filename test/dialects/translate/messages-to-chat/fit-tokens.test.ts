import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  fittedByEstimate,
  fittedByRefusal,
} from '../../../../src/dialects/translate/messages-to-chat/tokens/fit-tokens.ts'

describe('max_tokens lowered to what the context leaves', () => {
  it('leaves room for an estimate that is too low', () => {
    const fitted = fittedByEstimate(32_000, 10_000, 32_768) ?? 0
    assert.ok(fitted > 20_000 && fitted + 10_000 < 32_768, String(fitted))
  })

  it('keeps its value if it fits, if the limit is unknown, and if nothing useful would fit', () => {
    assert.equal(fittedByEstimate(1_000, 10_000, 32_768), undefined)
    assert.equal(fittedByEstimate(32_000, 10_000, undefined), undefined)
    assert.equal(fittedByEstimate(undefined, 10_000, 32_768), undefined)
    assert.equal(fittedByEstimate(32_000, 32_700, 32_768), undefined)
  })

  it("uses the endpoint's numbers", () => {
    const body = JSON.stringify({
      error: {
        message:
          "This model's maximum context length is 32768 tokens. However, you requested 32000 output tokens and your prompt contains 17459 input tokens, for a total of 49459 tokens.",
      },
    })
    assert.equal(fittedByRefusal(32_000, 1, body), 32_768 - 17_459)
    const total = '{"error":"maximum context length is 32768 tokens. However, you requested 33000 tokens"}'
    assert.equal(fittedByRefusal(32_000, 1, total), 32_768 - 1_000)
    assert.equal(
      fittedByRefusal(32_000, 1, '{"error":"prompt is too long: 40000 tokens > 32768 maximum"}'),
      undefined,
    )
    assert.equal(fittedByRefusal(32_000, 1, '{"error":"no such model"}'), undefined)
  })
})
