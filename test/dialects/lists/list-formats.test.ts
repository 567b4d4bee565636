import { describe, it } from 'node:test'
import { formatModelList, modelListFormats } from '../../../src/dialects/lists/list-formats.ts'
import { modelDetail } from '../../../src/dialects/lists/single-model.ts'
import { ollamaShow, runningModels } from '../../../src/dialects/ollama/model-list.ts'
import { families, listedModels as models, seenMs } from './listed-models.ts'

describe('model list formats', () => {
  for (const format of modelListFormats) {
    it(`${format} is what its clients expect`, (t) =>
      t.assert.snapshot(formatModelList(format, models(), families)))
  }

  it('single and running models are what their clients expect', (t) => {
    const all = models()
    t.assert.snapshot({
      details: all.map((model) => modelDetail(model, (slot) => slot !== 1)),
      shown: all.map((model) => ollamaShow(model, families)),
      running: runningModels(all, families, seenMs),
    })
  })
})
