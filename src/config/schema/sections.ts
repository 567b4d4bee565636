import { type TProperties, Type } from '@sinclair/typebox'

/** An object that rejects unknown keys; `decode` fills in its defaults. */
export function Section<T extends TProperties>(properties: T, description: string) {
  return Type.Object(properties, { additionalProperties: false, description })
}

export const Text = (defaultValue: string, description: string) =>
  Type.String({ default: defaultValue, description })
export const Flag = (defaultValue: boolean, description: string) =>
  Type.Boolean({ default: defaultValue, description })
export const Count = (
  defaultValue: number,
  description: string,
  range: { minimum?: number; maximum?: number } = {},
) => Type.Integer({ default: defaultValue, description, minimum: 0, ...range })
export const Fraction = (
  defaultValue: number,
  description: string,
  range: { minimum?: number; maximum?: number } = {},
) => Type.Number({ default: defaultValue, description, minimum: 0, ...range })
export const TextList = (defaultValue: readonly string[], description: string) =>
  Type.Array(Type.String(), { default: [...defaultValue], description })
export function Choice<const T extends readonly string[]>(
  values: T,
  defaultValue: T[number],
  description: string,
) {
  return Type.Unsafe<T[number]>({ type: 'string', enum: [...values], default: defaultValue, description })
}

export const StatusList = (defaultValue: readonly number[], description: string) =>
  Type.Array(Type.Integer({ minimum: 400, maximum: 599 }), { default: [...defaultValue], description })

export const globList = (description: string) => TextList([], description)
export const FilterSchema = Section(
  {
    include: globList('Globs (`*`, `?`); empty allows all.'),
    exclude: globList('Globs (`*`, `?`); exclude wins over include.'),
  },
  'Which names are allowed; matching ignores case.',
)
