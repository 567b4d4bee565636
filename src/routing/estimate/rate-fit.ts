/**
 * The time of a prompt as a linear function of its uncached tokens and of how busy the engine is:
 * least squares with exponentially decaying weights. A fit is a range of cells, so that it can live in shared memory.
 */
export const fitCells = {
  weight: 0,
  sumTokens: 1,
  sumBusy: 2,
  sumTokens2: 3,
  sumTokensBusy: 4,
  sumBusy2: 5,
  sumMs: 6,
  sumTokensMs: 7,
  sumBusyMs: 8,
  /** The solution. */
  baseMs: 9,
  tokenMs: 10,
  busyMs: 11,
  /** Decaying mean of the squared errors of predictions. */
  variance: 12,
  /** As `confidenceOf` computes it. */
  confidence: 13,
} as const

/** Number of cells. */
export const fitWidth = 14

export interface FirstTokenSample {
  /** Uncached tokens of the prompt. */
  readonly tokens: number
  /** How busy the engine was when it was sent, 0 to 1. */
  readonly busy: number
  /** Time to the first token, without the prompts ahead. */
  readonly firstTokenMs: number
}

export interface FirstTokenRates {
  readonly baseMs: number
  readonly tokenMs: number
  readonly busyMs: number
}

/** Cells of a fit without samples. */
export function fitOf({ baseMs, tokenMs, busyMs }: FirstTokenRates): Float64Array {
  const cells = new Float64Array(fitWidth)
  cells[fitCells.baseMs] = baseMs
  cells[fitCells.tokenMs] = tokenMs
  cells[fitCells.busyMs] = busyMs
  return cells
}

/** Each sample counts this much less than the one after it: about the last 25 count. */
const decay = 0.96
/** The prior counts like half a sample without tokens in an idle engine. */
const priorWeight = 0.5
/** Coefficients about which the samples say nothing keep their prior. */
const slopeWeight = 0.02
/** Spread that is assumed of a regressor that has had none. */
const leastTokens2 = 1_000
const leastBusy2 = 0.01
/** An error of so many standard deviations counts less. */
const maxDeviations = 3
/** Samples that a variance needs before it limits errors. */
const enoughForVariance = 6

/**
 * Adds a sample to the fit that begins at cell `at`. Allocates nothing.
 * @param priors cells of the fit whose coefficients this one has without samples
 * @param priorAt where that fit begins
 */
export function addSample(
  cells: Float64Array,
  at: number,
  sample: FirstTokenSample,
  priors: Float64Array,
  priorAt: number,
): void {
  const c = fitCells
  const { tokens, busy, firstTokenMs } = sample
  const before = cells[at + c.weight] ?? 0
  let weight = 1
  if (before > 0) {
    const error = firstTokenMs - predict(cells, at, tokens, busy)
    const variance = cells[at + c.variance] ?? 0
    const limit = maxDeviations * Math.sqrt(variance)
    if (before >= enoughForVariance && Math.abs(error) > limit && limit > 0) weight = limit / Math.abs(error)
    const share = 1 / Math.min(before + 1, 1 / (1 - decay))
    cells[at + c.variance] = variance + (error * error - variance) * share
  }
  // Written out: a call for each would allocate its argument.
  cells[at + c.weight] = (cells[at + c.weight] ?? 0) * decay + weight
  cells[at + c.sumTokens] = (cells[at + c.sumTokens] ?? 0) * decay + weight * tokens
  cells[at + c.sumBusy] = (cells[at + c.sumBusy] ?? 0) * decay + weight * busy
  cells[at + c.sumTokens2] = (cells[at + c.sumTokens2] ?? 0) * decay + weight * tokens * tokens
  cells[at + c.sumTokensBusy] = (cells[at + c.sumTokensBusy] ?? 0) * decay + weight * tokens * busy
  cells[at + c.sumBusy2] = (cells[at + c.sumBusy2] ?? 0) * decay + weight * busy * busy
  cells[at + c.sumMs] = (cells[at + c.sumMs] ?? 0) * decay + weight * firstTokenMs
  cells[at + c.sumTokensMs] = (cells[at + c.sumTokensMs] ?? 0) * decay + weight * tokens * firstTokenMs
  cells[at + c.sumBusyMs] = (cells[at + c.sumBusyMs] ?? 0) * decay + weight * busy * firstTokenMs
  solve(cells, at, priors, priorAt)
  cells[at + c.confidence] = confidenceOf(cells, at)
}

export function predict(cells: Float64Array, at: number, tokens: number, busy: number): number {
  const c = fitCells
  return (
    (cells[at + c.baseMs] ?? 0) + tokens * (cells[at + c.tokenMs] ?? 0) + busy * (cells[at + c.busyMs] ?? 0)
  )
}

/** How well a fit predicts, 0 to 1: by its number of samples and their spread around it. */
export function confidenceOf(cells: Float64Array, at: number): number {
  const weight = cells[at + fitCells.weight] ?? 0
  if (weight <= 0) return 0
  const mean = (cells[at + fitCells.sumMs] ?? 0) / weight
  const spread = Math.sqrt(cells[at + fitCells.variance] ?? 0) / Math.max(1, mean)
  return (weight / (weight + 3)) * (1 / (1 + spread * spread))
}

/** Ridge regression around the prior; coefficients are never negative. */
function solve(cells: Float64Array, at: number, priors: Float64Array, priorAt: number): void {
  const c = fitCells
  const priorTokenMs = priors[priorAt + c.tokenMs] ?? 0
  const priorBusyMs = priors[priorAt + c.busyMs] ?? 0
  const n = cells[at + c.weight] ?? 0
  const meanTokens2 = Math.max((cells[at + c.sumTokens2] ?? 0) / n, leastTokens2)
  const meanBusy2 = Math.max((cells[at + c.sumBusy2] ?? 0) / n, leastBusy2)
  const tokenRidge = slopeWeight * meanTokens2
  const busyRidge = slopeWeight * meanBusy2
  // Deviations from the means: the intercept follows from them and needs no ridge once there is a sample.
  const w = n + priorWeight
  const tokensBar = (cells[at + c.sumTokens] ?? 0) / w
  const busyBar = (cells[at + c.sumBusy] ?? 0) / w
  const msBar = ((cells[at + c.sumMs] ?? 0) + priorWeight * (priors[priorAt + c.baseMs] ?? 0)) / w
  const tt = (cells[at + c.sumTokens2] ?? 0) - w * tokensBar * tokensBar + tokenRidge
  const bb = (cells[at + c.sumBusy2] ?? 0) - w * busyBar * busyBar + busyRidge
  const tb = (cells[at + c.sumTokensBusy] ?? 0) - w * tokensBar * busyBar
  const tm = (cells[at + c.sumTokensMs] ?? 0) - w * tokensBar * msBar + tokenRidge * priorTokenMs
  const bm = (cells[at + c.sumBusyMs] ?? 0) - w * busyBar * msBar + busyRidge * priorBusyMs
  const determinant = tt * bb - tb * tb
  let tokenMs = determinant > 0 ? (tm * bb - bm * tb) / determinant : priorTokenMs
  let busyMs = determinant > 0 ? (bm * tt - tm * tb) / determinant : priorBusyMs
  if (tokenMs < 0) {
    tokenMs = 0
    busyMs = bm / bb
  }
  if (busyMs < 0) {
    busyMs = 0
    tokenMs = Math.max(0, tm / tt)
  }
  cells[at + c.baseMs] = Math.max(0, msBar - tokenMs * tokensBar - busyMs * busyBar)
  cells[at + c.tokenMs] = tokenMs
  cells[at + c.busyMs] = busyMs
}
