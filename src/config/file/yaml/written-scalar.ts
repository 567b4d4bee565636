/**
 * A plain scalar whose meaning depends on the type of its key, as in Go's yaml.v3: `1.10` is a number or a text, `yes`
 * a text or a boolean. Keeps both readings until the schema decides.
 */
export class WrittenScalar {
  /** Its value in YAML 1.2. */
  readonly value: unknown
  /** Its text in the file. */
  readonly source: string

  constructor(value: unknown, source: string) {
    this.value = value
    this.source = source
  }
}

const booleanNames: ReadonlyMap<string, boolean> = new Map([
  ['y', true],
  ['yes', true],
  ['on', true],
  ['true', true],
  ['n', false],
  ['no', false],
  ['off', false],
  ['false', false],
])

/** Whether Go may read a plain text as a boolean or a number although YAML 1.2 reads it as a text. */
export function isAmbiguous(source: string): boolean {
  return booleanNames.has(source.toLowerCase()) || /^[-+]?[0-9.][0-9_.a-fxo]*$/i.test(source)
}

/** Parses the booleans of YAML 1.1, which yaml.v3 accepts for boolean fields. */
export function readBoolean(source: string): boolean | undefined {
  return booleanNames.get(source.toLowerCase())
}

/**
 * Parses an integer as Go's `strconv.ParseInt` with base 0 does (`1_000`, `0x1F`, `0b11`, `0o17` and `017`), or a float
 * without a fraction.
 */
export function readInteger(source: string): number | undefined {
  const text = source.replaceAll('_', '')
  const match = /^([-+]?)(?:0x([0-9a-f]+)|0b([01]+)|0o?([0-7]+)|([0-9]+))$/i.exec(text)
  if (match === null) {
    const float = readNumber(text)
    return float !== undefined && Number.isInteger(float) ? float : undefined
  }
  const [, sign, hex, binary, octal, decimal] = match
  const size =
    hex !== undefined
      ? Number.parseInt(hex, 16)
      : binary !== undefined
        ? Number.parseInt(binary, 2)
        : octal !== undefined
          ? Number.parseInt(octal, 8)
          : Number(decimal)
  return sign === '-' ? -size : size
}

export function readNumber(source: string): number | undefined {
  const text = source.replaceAll('_', '')
  return /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:e[-+]?[0-9]+)?$/i.test(text) ? Number(text) : undefined
}
