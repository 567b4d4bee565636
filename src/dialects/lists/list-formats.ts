import type { FamilyTable } from '../../routing/models/family-table.ts'
import type { UnifiedModel } from '../../routing/models/unified-model.ts'
import { dialects } from '../all.ts'
import type { Json, ModelLists } from '../contract/dialect.ts'
import { engineItems } from './engine-items.ts'

/** How model lists are written, by name: each kind of client reads its own (contract 1.5). */
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

/** @returns undefined for a name that no format has */
export function modelLists(format: string): ModelLists | undefined {
  return formats.get(format)
}

/** A list in a format that there is. */
export function formatModelList(
  format: string,
  models: readonly UnifiedModel[],
  families: FamilyTable,
): Json {
  return listsOf(format).list(models, families)
}

function listsOf(format: string): ModelLists {
  const lists = formats.get(format)
  if (lists === undefined) throw new Error(`There is no format "${format}" of model lists.`)
  return lists
}
