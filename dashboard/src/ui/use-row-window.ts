import type { RefObject } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { minWindowedRows, type RowWindow, rowWindow } from '../state/row-window.ts'

/** Before the first measurement. */
const usualRowPx = 56

/** Follows scrolling: which rows of a list to draw. @param body the element that has the rows */
export function useRowWindow(count: number, body: RefObject<HTMLElement | null>): RowWindow {
  const rowPx = useRef(usualRowPx)
  const isWindowed = count >= minWindowedRows
  const view = () => {
    if (!isWindowed) return rowWindow(count, { topPx: 0, heightPx: 0, rowPx: usualRowPx })
    const topPx = -(body.current?.getBoundingClientRect().top ?? 0)
    return rowWindow(count, { topPx, heightPx: window.innerHeight, rowPx: rowPx.current })
  }
  const [, setDrawn] = useState('')
  const shown = view()
  const { from, to, beforePx, afterPx } = shown

  useLayoutEffect(() => {
    if (!isWindowed || to <= from) return
    const rowsPx = (body.current?.getBoundingClientRect().height ?? 0) - beforePx - afterPx
    if (rowsPx > 0) rowPx.current = rowsPx / (to - from)
  })

  useEffect(() => {
    if (!isWindowed) return undefined
    let frame = 0
    const moved = () => {
      cancelAnimationFrame(frame)
      frame = requestAnimationFrame(() => {
        const next = view()
        setDrawn(`${next.from} ${next.to}`)
      })
    }
    moved()
    addEventListener('scroll', moved, { passive: true })
    addEventListener('resize', moved)
    return () => {
      cancelAnimationFrame(frame)
      removeEventListener('scroll', moved)
      removeEventListener('resize', moved)
    }
  }, [isWindowed, count])
  return shown
}
