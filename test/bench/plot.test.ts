import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Point, renderPlot } from '../../bench/plot.ts'

function plot(...lists: (readonly Point[])[]): string {
  const series = lists.map((points, at) => ({ name: `series ${at}`, color: 'teal', points }))
  return renderPlot({ title: 'memory', xLabel: 'minutes', yLabel: 'MB', series })
}

function polylines(svg: string): Point[][] {
  return [...svg.matchAll(/<polyline [^>]*points="([^"]*)"/g)].map(([, points = '']) =>
    points
      .split(' ')
      .filter(Boolean)
      .map((pair) => {
        const [x = Number.NaN, y = Number.NaN] = pair.split(',').map(Number)
        return { x, y }
      }),
  )
}

/** The texts of the marks of the vertical axis. */
function verticalMarks(svg: string): number[] {
  return [...svg.matchAll(/text-anchor="end" >([^<]+)</g)].map(([, mark]) => Number(mark))
}

describe('a plot', () => {
  it('draws one line per series, left to right, higher values higher up', () => {
    const [one = [], other = []] = polylines(
      plot(
        [
          { x: 0, y: 10 },
          { x: 5, y: 30 },
          { x: 10, y: 20 },
        ],
        [{ x: 0, y: 1 }],
      ),
    )
    assert.equal(one.length, 3)
    assert.equal(other.length, 1)
    const [first, second, third] = one
    assert.ok(first && second && third)
    assert.ok(first.x < second.x && second.x < third.x)
    assert.ok(second.y < third.y && third.y < first.y)
    assert.ok((other[0]?.y ?? 0) > first.y)
  })

  it('starts its axes at 0 and marks them in round steps', () => {
    assert.deepEqual(verticalMarks(plot([{ x: 1, y: 118 }])), [0, 20, 40, 60, 80, 100, 120])
    assert.deepEqual(verticalMarks(plot([{ x: 1, y: 0.55 }])), [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
  })

  it('draws nothing outside its frame, for any values', () => {
    const points = fc.array(
      fc.record({
        x: fc.double({ min: 0, max: 1e9, noNaN: true }),
        y: fc.double({ min: 0, max: 1e9, noNaN: true }),
      }),
    )
    fc.assert(
      fc.property(points, (list) => {
        for (const { x, y } of polylines(plot(list)).flat()) {
          assert.ok(x >= 60 && x <= 780.05, `x ${x}`)
          assert.ok(y >= 40 - 0.05 && y <= 330.05, `y ${y}`)
        }
      }),
    )
  })

  it('is well-formed without points, and with markup in names', () => {
    const svg = renderPlot({
      title: 'a < b & c',
      xLabel: 'x',
      yLabel: 'y',
      series: [{ name: '<script>', color: 'red', points: [] }],
    })
    assert.match(svg, /a &lt; b &amp; c/)
    assert.doesNotMatch(svg, /<script>|NaN|Infinity/)
  })
})
