import type { UnifiedModel } from '../../routing/models/unified-model.ts'
import type { Json, ModelLists } from '../contract/dialect.ts'

/** An entry of OpenAI's list. Servers add members of their own. */
export function openaiItem(model: UnifiedModel, owner: string): Json {
  return { id: model.id, object: 'model', created: Math.floor(model.createdMs / 1000), owned_by: owner }
}

/** The context length, under each name that clients look for. */
function contextFields({ contextLength, sources }: UnifiedModel): Json {
  const meta = sources.map(({ listed }) => listed.raw.meta).find((each) => each !== undefined)
  return {
    ...(contextLength === undefined ? {} : { context_length: contextLength, max_model_len: contextLength }),
    ...(meta === undefined ? {} : { meta }),
  }
}

function entry(model: UnifiedModel): Json {
  return { ...openaiItem(model, 'olla'), ...contextFields(model) }
}

export const openaiLists: ModelLists = {
  list: (models) => ({ object: 'list', data: models.map(entry) }),
  entry,
}
