import { chooseTheme, type Theme, theme, themes } from '../ui/theme.ts'

const glyphs: Readonly<Record<Theme, string>> = { auto: '◑', light: '○', dark: '●' }

/** Cycles through auto, light and dark. */
export function ThemeChoice() {
  const current = theme.value
  const next = themes[(themes.indexOf(current) + 1) % themes.length] ?? 'auto'
  return (
    <button
      type="button"
      class="button quiet theme"
      aria-label={`Theme: ${current}. Change to ${next}.`}
      title={`Theme: ${current}`}
      onClick={() => chooseTheme(next)}
    >
      <span aria-hidden="true">{glyphs[current]}</span>
      <span class="theme-name" aria-hidden="true">
        {current}
      </span>
    </button>
  )
}
