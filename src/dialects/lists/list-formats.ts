import type { FamilyTable } from '../../routing/models/family-table.ts'
import type { UnifiedModel } from '../../routing/models/unified-model.ts'
import { dialects } from '../all.ts'
import type { Json, ModelLists } from '../contract/dialect.ts'
import { engineItems } from './engine-items.ts'

/** Formats of model lists, by name. Each type of client expects its own (contract 1.5). */
const formats: ReadonlyMap<string, ModelLists> = new Map<string, ModelLists>([
  ...Object.entries(engineItems).map(([name, entry]): [string, ModelLists] => [
    name,
    {
      entry,
      list: (models, families) => ({ object: 'list', data: models.map((each) => entry(each, families)) }),
    },
  ]),
  ...dialects.flatMap(({ name, models }): [string, ModelLists][] =>
    models === undefined ? [] : [[name, models]],
  ),
])

export const modelListFormats: readonly string[] = [...formats.keys()]

/** @returns undefined if no format has this name */
export function modelLists(format: string): ModelLists | undefined {
  return formats.get(format)
}

/** Writes a list in an existing format. */
export function formatModelList(
  format: string,
  models: readonly UnifiedModel[],
  families: FamilyTable,
): Json {
  return listsOf(format).list(models, families)
}

function listsOf(format: string): ModelLists {
  const lists = formats.get(format)
  if (lists === undefined) throw new Error(`Unknown model list format "${format}".`)
  return lists
}
