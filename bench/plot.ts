// Line charts as SVG.

export interface Series {
  readonly name: string
  /** CSS colour. */
  readonly color: string
  /** In the order of x. */
  readonly points: readonly Point[]
}

export interface Point {
  readonly x: number
  readonly y: number
}

export interface Plot {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  readonly series: readonly Series[]
}

const width = 800
const height = 400
const margin = { left: 60, right: 20, top: 40, bottom: 70 }
const ticks = 6
/** Smaller values are drawn as 0. */
const smallestStep = 1e-6

/** Both axes begin at 0: a slope must not look steeper than it is. */
export function renderPlot({ title, xLabel, yLabel, series }: Plot): string {
  const points = series.flatMap((one) => one.points)
  const xs = axis(Math.max(0, ...points.map(({ x }) => x)))
  const ys = axis(Math.max(0, ...points.map(({ y }) => y)))
  const right = width - margin.right
  const bottom = height - margin.bottom
  const placeX = (x: number) => margin.left + (x / xs.end) * (right - margin.left)
  const placeY = (y: number) => bottom - (y / ys.end) * (bottom - margin.top)
  const place = ({ x, y }: Point) => `${placeX(x).toFixed(1)},${placeY(y).toFixed(1)}`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>${escapeMarkup(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    text(width / 2, 22, title, 'middle', 'font-size="15"'),
    ...ys.marks.flatMap((y) => [
      `<line x1="${margin.left}" y1="${placeY(y)}" x2="${right}" y2="${placeY(y)}" stroke="#ddd"/>`,
      text(margin.left - 8, placeY(y) + 4, String(y), 'end'),
    ]),
    ...xs.marks.map((x) => text(placeX(x), bottom + 18, String(x), 'middle')),
    text((margin.left + right) / 2, bottom + 36, xLabel, 'middle'),
    text(16, 22, yLabel, 'start'),
    ...series.map(
      (one) =>
        `<polyline fill="none" stroke="${one.color}" stroke-width="1.5" points="${one.points.map(place).join(' ')}"/>`,
    ),
    ...series.map((one, at) =>
      text(margin.left + at * 180, height - 12, one.name, 'start', `fill="${one.color}" font-weight="bold"`),
    ),
    '</svg>',
    '',
  ].join('\n')
}

/** A round end not below the largest value, and round marks up to it. */
function axis(largest: number): { end: number; marks: readonly number[] } {
  const step = roundUp(largest / ticks)
  const count = Math.max(1, Math.ceil(largest / step))
  // Twelve digits: 0.1 added up must not show as 0.30000000000000004.
  const marks = Array.from({ length: count + 1 }, (_, at) => Number((at * step).toPrecision(12)))
  return { end: count * step, marks }
}

/** The next of 1, 2, 2.5, 5 and 10 times a power of ten. */
function roundUp(value: number): number {
  if (value < smallestStep) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 2.5, 5].find((factor) => factor * power >= value) ?? 10)
}

function text(x: number, y: number, content: string, anchor: string, attributes = ''): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" ${attributes}>${escapeMarkup(content)}</text>`
}

function escapeMarkup(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
