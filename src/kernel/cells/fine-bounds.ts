/**
 * Returns bounds that grow by a constant factor between given ones.
 * @param given ascending; all of them are among the bounds
 * @param maxRatio of each bound to the one before
 */
export function fineBounds(given: readonly number[], maxRatio: number): readonly number[] {
  const bounds = given.slice(0, 1)
  for (const to of given.slice(1)) {
    const from = bounds.at(-1) ?? to
    const steps = Math.ceil(Math.log(to / from) / Math.log(maxRatio))
    for (let step = 1; step < steps; step++) bounds.push(from * (to / from) ** (step / steps))
    bounds.push(to)
  }
  return bounds
}
