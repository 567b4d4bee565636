import { Type } from '@sinclair/typebox'
import { globList, Section, Text } from './sections.ts'
import { Duration } from './units.ts'

export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Weekday = (typeof weekdays)[number]

const KeepWarmSchema = Section(
  {
    model: Type.String({ minLength: 1, description: 'Name of the model, as its endpoints list it.' }),
    endpoints: globList('Names or globs of endpoints; empty: all that have the model and can load it.'),
    days: Type.Array(Type.Unsafe<Weekday>({ type: 'string', enum: [...weekdays] }), {
      default: [],
      maxItems: 7,
      description: 'Days on which the hours begin, as `mon`; empty: every day.',
    }),
    hours: Type.String({
      default: '',
      pattern: '^$|^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$',
      description: 'From and to, as `08:00-18:30`, or `22:00-06:00` over midnight; empty: the whole day.',
    }),
    time_zone: Text('', "IANA name of the time zone, as `Europe/Berlin`; empty: the machine's."),
  },
  'A model that is kept in memory.',
)

const UnloadAfterSchema = Section(
  {
    idle: Duration({
      default: '30m',
      minimumMs: 1000,
      description: 'Time without a request for the model at the endpoint, at least 1s.',
    }),
    models: globList('Names or globs of models; empty: all.'),
    endpoints: globList('Names or globs of endpoints; empty: all that can unload.'),
  },
  'Models that leave memory when they are idle; of several rules for a model the first applies.',
)

export const ModelsSchema = Section(
  {
    keep_warm: Type.Array(KeepWarmSchema, {
      default: [],
      maxItems: 1000,
      description: 'Models that the gateway loads, and loads again when they have left memory.',
    }),
    unload_after: Type.Array(UnloadAfterSchema, {
      default: [],
      maxItems: 1000,
      description: 'When idle models leave memory. Models of `keep_warm` stay during its hours.',
    }),
    check_interval: Duration({
      default: '15s',
      minimumMs: 1000,
      description: 'Time between two checks of these rules, with up to a fifth more at random; at least 1s.',
    }),
  },
  'Rules for the models in the memory of endpoints (beyond Olla).',
)
