import { isRecord } from '../../../config/file/decode.ts'
import { ConfigError } from '../../../config/schema/diagnostics.ts'
import type { GatewayConfig } from '../../../config/schema/schema.ts'

/** Limits that operators may change: keys of two sections of the configuration. */
export const limitKeys = {
  rate_limits: [
    'global_requests_per_minute',
    'per_ip_requests_per_minute',
    'health_requests_per_minute',
    'burst_size',
    'global_burst_size',
  ],
  queue: ['max_waiting', 'max_wait'],
} as const

type LimitGroup = keyof typeof limitKeys
const limitGroups = ['rate_limits', 'queue'] as const satisfies readonly LimitGroup[]

type Keys = Readonly<Record<string, unknown>>

/** Settings that operators have changed, in the form of the file. */
export interface SettingEntries {
  /** By name; null hides an alias of the configuration. */
  readonly aliases: Keys
  /** Undefined: as configured. */
  readonly logLevel: unknown
  readonly limits: Readonly<Partial<Record<LimitGroup, Keys>>>
}

export const noSettings: SettingEntries = { aliases: {}, logLevel: undefined, limits: {} }

/** Why a setting cannot be changed. */
export class SettingError extends Error {
  override readonly name = 'SettingError'
  readonly kind: 'unknown' | 'exists' | 'invalid' | 'restart'

  constructor(kind: SettingError['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

/** The values of the entries, as plugins read them. */
interface ParsedSettings {
  readonly aliases: GatewayConfig['model_aliases']
  readonly hidden: ReadonlySet<string>
  readonly level: GatewayConfig['logging']['level'] | undefined
  readonly rateLimits: Partial<GatewayConfig['server']['rate_limits']>
  readonly queue: Partial<GatewayConfig['proxy']['queue']>
}

const nothingParsed: ParsedSettings = {
  aliases: {},
  hidden: new Set(),
  level: undefined,
  rateLimits: {},
  queue: {},
}

/** Aliases, the log level and limits that operators have changed while the gateway runs. */
export class SettingOverlay {
  /** Reads a configuration in the form of the file. @throws ConfigError */
  readonly #parse: (value: Keys) => GatewayConfig
  /** The configuration below the overlay, at the last change. */
  #below: GatewayConfig
  #entries = noSettings
  #parsed = nothingParsed

  constructor(parse: (value: Keys) => GatewayConfig, below: GatewayConfig) {
    this.#parse = parse
    this.#below = below
  }

  get entries(): SettingEntries {
    return this.#entries
  }

  /** The configuration without the changes of operators. */
  get below(): GatewayConfig {
    return this.#below
  }

  /** Takes all entries at once. @throws SettingError if one is not valid; nothing has changed then */
  take(entries: SettingEntries): void {
    this.#parsed = entries === noSettings ? nothingParsed : this.#read(entries)
    this.#entries = entries
  }

  /** @param value in the form of the file: a list of models, or an object with `targets`. @throws SettingError */
  setAlias(name: string, value: unknown, isNew = false): void {
    const { name: known, isShown } = this.#aliasOf(name)
    if (isNew && isShown) throw new SettingError('exists', `There is an alias "${known}" already.`)
    this.take({ ...this.#entries, aliases: { ...this.#entries.aliases, [known]: value } })
  }

  /** Removes an alias; one of the configuration stays hidden until it is reset. @throws SettingError */
  removeAlias(name: string): void {
    const { name: known, isShown, isConfigured } = this.#aliasOf(name)
    if (!isShown) throw new SettingError('unknown', 'There is no such alias.')
    const others = without(this.#entries.aliases, known)
    this.take({ ...this.#entries, aliases: isConfigured ? { ...others, [known]: null } : others })
  }

  /** Returns an alias to what the configuration says. @throws SettingError */
  resetAlias(name: string): void {
    const { name: known, isChanged } = this.#aliasOf(name)
    if (!isChanged) throw new SettingError('unknown', 'No such alias has been changed.')
    this.take({ ...this.#entries, aliases: without(this.#entries.aliases, known) })
  }

  /** @param level undefined returns to the configured one. @throws SettingError */
  setLogLevel(level: unknown): void {
    this.take({ ...this.#entries, logLevel: level })
  }

  /** @param patch keys by group; null returns a key, or a group, to what the configuration says. @throws SettingError */
  changeLimits(patch: Keys): void {
    const limits = { ...this.#entries.limits }
    for (const [group, keys] of Object.entries(patch)) {
      if (!isGroup(group))
        throw new SettingError('invalid', `${group}: unknown; there are ${limitGroups.join(', ')}`)
      if (keys !== null && !isRecord(keys)) throw new SettingError('invalid', `${group}: must hold keys`)
      const next = keys === null ? {} : withoutNulls({ ...limits[group], ...keys })
      checkKeys(group, keys ?? {})
      if (Object.keys(next).length === 0) delete limits[group]
      else limits[group] = next
    }
    this.take({ ...this.#entries, limits })
  }

  /** Returns all limits to what the configuration says. */
  resetLimits(): void {
    this.take({ ...this.#entries, limits: {} })
  }

  /** The configuration with what operators have changed. */
  over(config: GatewayConfig): GatewayConfig {
    this.#below = config
    if (this.#parsed === nothingParsed) return config
    const { aliases, hidden, level, rateLimits, queue } = this.#parsed
    const { server, proxy, logging, model_aliases: configured } = config
    const shown = Object.entries(configured).filter(([name]) => !hidden.has(name))
    return {
      ...config,
      logging: level === undefined ? logging : { ...logging, level },
      server: { ...server, rate_limits: { ...server.rate_limits, ...rateLimits } },
      proxy: { ...proxy, queue: { ...proxy.queue, ...queue } },
      model_aliases: Object.fromEntries([...shown, ...Object.entries(aliases)]),
    }
  }

  /** The alias that a name means, whatever its case. */
  #aliasOf(name: string) {
    const { aliases } = this.#entries
    const configured = this.#below.model_aliases
    const wanted = name.toLowerCase()
    const all = [...Object.keys(aliases), ...Object.keys(configured)]
    const known = all.find((each) => each.toLowerCase() === wanted) ?? name
    const isChanged = Object.hasOwn(aliases, known)
    const isConfigured = Object.hasOwn(configured, known)
    return {
      name: known,
      isChanged,
      isConfigured,
      isShown: isChanged ? aliases[known] !== null : isConfigured,
    }
  }

  #read({ aliases, logLevel, limits }: SettingEntries): ParsedSettings {
    const { rate_limits = {}, queue = {} } = limits
    checkKeys('rate_limits', rate_limits)
    checkKeys('queue', queue)
    const config = this.#checked({
      model_aliases: withoutNulls(aliases),
      ...(logLevel === undefined ? {} : { logging: { level: logLevel } }),
      server: { rate_limits },
      proxy: { queue },
    })
    // A file gets the default in place of such values, with a warning.
    checkValues('', { level: logLevel }, config.logging)
    checkValues('rate_limits.', rate_limits, config.server.rate_limits)
    return {
      aliases: config.model_aliases,
      hidden: new Set(Object.keys(aliases).filter((name) => aliases[name] === null)),
      level: logLevel === undefined ? undefined : config.logging.level,
      rateLimits: only(config.server.rate_limits, Object.keys(rate_limits)),
      queue: only(config.proxy.queue, Object.keys(queue)),
    }
  }

  #checked(value: Keys): GatewayConfig {
    try {
      return this.#parse(value)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      const problems = error.diagnostics.map(({ key, message }) => `${ownKey(key)}: ${message}`)
      throw new SettingError('invalid', problems.join('; '))
    }
  }
}

function checkKeys(group: LimitGroup, given: Keys): void {
  const known: readonly string[] = limitKeys[group]
  const wrong = Object.keys(given).find((key) => !known.includes(key))
  if (wrong === undefined) return
  throw new SettingError(
    'invalid',
    `${group}.${wrong}: cannot be changed here; there are ${known.join(', ')}`,
  )
}

function checkValues(prefix: string, given: Keys, read: Keys): void {
  for (const [key, value] of Object.entries(given)) {
    if (value !== undefined && read[key] !== value)
      throw new SettingError('invalid', `${prefix}${key}: cannot be ${JSON.stringify(value)}`)
  }
}

function isGroup(text: string): text is LimitGroup {
  return limitGroups.some((group) => group === text)
}

/** `server.rate_limits.burst_size` is `rate_limits.burst_size` for an operator. */
function ownKey(key: string): string {
  return key.replace(/^(?:server|proxy|logging)\./, '')
}

function only<Section extends object>(section: Section, names: readonly string[]): Partial<Section> {
  const picked: Partial<Section> = { ...section }
  for (const key of Object.keys(section)) if (!names.includes(key)) Reflect.deleteProperty(picked, key)
  return picked
}

function withoutNulls(record: Keys): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null))
}

function without(record: Keys, name: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => key !== name))
}
