import {
  KindGuard,
  type Static,
  type TArray,
  type TObject,
  type TOptional,
  type TProperties,
  type TSchema,
  type TUnion,
} from '@sinclair/typebox'
import { isRecord } from '../file/decode.ts'
import type { TUnit, Unit } from '../schema/units.ts'
import { type OptionName, optionName } from './option-names.ts'

type OptionalKey<P extends TProperties> = {
  [Key in keyof P]: P[Key] extends TOptional<TSchema> ? Key : never
}[keyof P]

type RequiredKey<P extends TProperties> = Exclude<keyof P, OptionalKey<P>>

type Flat<T> = { [Key in keyof T]: T[Key] }

/**
 * A section in the form that code uses: names in camel case and with units, values decoded. `max_retry_wait: 5s`
 * becomes `maxRetryWaitMs: 5000`.
 */
export type OptionsOf<S extends TSchema> =
  S extends TObject<infer P>
    ? Flat<
        {
          readonly [Key in RequiredKey<P> & string as OptionName<Key, P[Key]>]: OptionsOf<P[Key]>
        } & {
          readonly [Key in OptionalKey<P> & string as OptionName<Key, P[Key]>]?: OptionsOf<P[Key]>
        }
      >
    : S extends TArray<infer Item>
      ? readonly Static<Item>[]
      : Static<S>

/** A section as a host passes it to a plugin: any part of it, with values as in the YAML file or decoded. */
export type InputOf<S extends TSchema> =
  S extends TObject<infer P>
    ? { readonly [Key in keyof P]?: InputOf<P[Key]> | undefined }
    : S extends TUnit<Unit, unknown>
      ? Static<S> | string
      : S extends TArray<infer Item>
        ? readonly Static<Item>[]
        : S extends TUnion<infer Forms>
          ? InputOf<Forms[number]>
          : Static<S>

/** Renames the keys of a decoded section. Lists and maps of free names remain unchanged. */
export function optionsOf<S extends TSchema>(schema: S, decoded: Static<S>): OptionsOf<S> {
  // `rename` uses the same schema as the type; a test compares the two.
  return rename(schema, decoded) as OptionsOf<S>
}

function rename(schema: TSchema, value: unknown): unknown {
  if (!KindGuard.IsObject(schema) || !isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(schema.properties).flatMap(([key, property]) =>
      value[key] === undefined ? [] : [[optionName(key, property), rename(property, value[key])]],
    ),
  )
}
