/** A variable that is not set and has no default. */
export interface UnsetVariable {
  readonly variable: string
}

export type Interpolated = { readonly text: string } | UnsetVariable

const reference = /\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g

/**
 * Expands `${VAR}` and `${VAR:-default}`; an empty variable uses the default too, as in a shell. `$$` is a literal
 * dollar sign. Values are not expanded again.
 */
export function interpolate(text: string, env: Readonly<Record<string, string | undefined>>): Interpolated {
  let unset: string | undefined
  const expanded = text.replace(
    reference,
    (whole, name: string | undefined, fallback: string | undefined) => {
      if (name === undefined) return whole === '$$' ? '$' : whole
      const value = env[name]
      if (value !== undefined && (value !== '' || fallback === undefined)) return value
      if (fallback !== undefined) return fallback
      unset ??= name
      return ''
    },
  )
  return unset === undefined ? { text: expanded } : { variable: unset }
}

/** Whether a text consists of one reference: its value may then be a number or a boolean. */
export function isReference(text: string): boolean {
  return /^\$\{[A-Za-z_][A-Za-z0-9_]*(?::-[^}]*)?\}$/.test(text)
}
