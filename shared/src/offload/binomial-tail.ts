// Tails of the binomial distribution, exact to about eleven digits down to the smallest that float64 holds.
// Both tails are values of the regularised incomplete beta function. Its leading factor is taken in Loader's
// saddle-point form: differences of log-gammas would lose eight digits at ten million trials.
// Loader, "Fast and Accurate Computation of Binomial Probabilities", 2000;
// Thompson & Barnett, "Coulomb and Bessel functions of complex arguments and order", 1986 (Lentz's method, modified).

const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI);
/** Stirling's series is exact to float64 from here on. */
const STIRLING_FROM = 16;
const STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156];
/** The fraction takes about as many terms as the square root of its parameters: enough for 10^12. */
const MAX_TERMS = 1_000_000;
const TERM_TOLERANCE = 1e-16;
const TINIEST = 1e-300;
const MAX_NEWTON_STEPS = 200;
const BOUND_TOLERANCE = 1e-14;

/**
 * ln Gamma(x) by Stirling's series, below 16 after raising x by the recurrence. Absolute error about 1e-15 times
 * the larger of 1 and the result; O(1).
 *
 * @throws RangeError unless x is a finite number above 0
 */
export function logGamma(x: number): number {
  if (!(x > 0 && x < Infinity)) throw new RangeError(`x: expected a finite number above 0, got ${x}`);
  let product = 1;
  let raised = x;
  for (; raised < STIRLING_FROM; raised++) product *= raised;
  return (raised - 0.5) * Math.log(raised) - raised + HALF_LOG_TWO_PI + stirlingSeries(raised) - Math.log(product);
}

/**
 * I_x(a, b) = integral_0^x t^(a-1) (1-t)^(b-1) dt / B(a, b), by its continued fraction on the side where that
 * converges fast. O(sqrt(max(a, b))) near x = a / (a + b), O(1) far from it.
 *
 * @throws RangeError for x outside [0, 1], or a or b not finite and above 0
 */
export function regularisedBeta(x: number, a: number, b: number): number {
  checkProbability("x", x);
  if (!(a > 0 && a < Infinity)) throw new RangeError(`a: expected a finite number above 0, got ${a}`);
  if (!(b > 0 && b < Infinity)) throw new RangeError(`b: expected a finite number above 0, got ${b}`);
  return beta(x, 1 - x, a, b);
}

/**
 * P(X = k) of X ~ Bin(n, p); 0 for a k outside 0..n. O(1).
 *
 * @throws RangeError unless k and n are whole, n at least 0, and p in [0, 1]
 */
export function binomialProbability(k: number, n: number, p: number): number {
  checkTrials(k, n, p);
  if (k < 0 || k > n) return 0;
  if (p === 0) return k === 0 ? 1 : 0;
  if (p === 1) return k === n ? 1 : 0;
  if (k === 0) return Math.exp(n * Math.log1p(-p));
  if (k === n) return Math.exp(n * Math.log(p));
  return betaFactor(p, 1 - p, k, n - k) * (n / (k * (n - k)));
}

/**
 * P(X <= k) of X ~ Bin(n, p): 0 for k < 0, 1 for k >= n. Cost and errors as {@link regularisedBeta} and
 * {@link binomialProbability}.
 */
export function binomialCdf(k: number, n: number, p: number): number {
  checkTrials(k, n, p);
  if (k < 0) return 0;
  if (k >= n) return 1;
  return beta(1 - p, p, n - k, k + 1);
}

/** P(X >= k) of X ~ Bin(n, p), without cancellation: 1 for k <= 0, 0 for k > n. Otherwise as {@link binomialCdf}. */
export function binomialUpperTail(k: number, n: number, p: number): number {
  checkTrials(k, n, p);
  if (k <= 0) return 1;
  if (k > n) return 0;
  return beta(p, 1 - p, k, n - k + 1);
}

/**
 * One-sided Clopper-Pearson bound: the p at which P(X <= k) = 1 - level for X ~ Bin(n, p), and 1 for k = n.
 * A true probability lies above it in at most a share 1 - level of experiments. By Newton's method on
 * ln P(X <= k), which is concave in p, kept between the ends; about six tails.
 * Clopper & Pearson, Biometrika 1934.
 *
 * @throws RangeError unless k and n are whole, n at least 1, k in 0..n, and level in (0, 1)
 */
export function upperConfidenceBound(k: number, n: number, level: number): number {
  checkTrials(k, n, 0);
  if (n < 1) throw new RangeError(`n: expected at least 1, got ${n}`);
  if (k < 0 || k > n) throw new RangeError(`k: expected 0 to ${n}, got ${k}`);
  if (!(level > 0 && level < 1)) throw new RangeError(`level: expected a number between 0 and 1, got ${level}`);
  if (k === n) return 1;
  const target = Math.log1p(-level);
  if (k === 0) return -Math.expm1(target / n);
  return rootOfTail(k, n, target);
}

/**
 * x ln(x / mean) + mean - x, the deviance of a Poisson count, without cancellation where x is near its mean
 * (Loader's bd0). `x` and `mean` above 0.
 */
export function deviance(x: number, mean: number): number {
  const difference = x - mean;
  if (Math.abs(difference) >= 0.1 * (x + mean)) return x * Math.log(x / mean) - difference;
  const ratio = difference / (x + mean);
  let sum = difference * ratio;
  let power = 2 * x * ratio;
  for (let term = 3; ; term += 2) {
    power *= ratio * ratio;
    const next = sum + power / term;
    if (next === sum) return sum;
    sum = next;
  }
}

/** The p at which ln P(X <= k) is the target. */
function rootOfTail(k: number, n: number, target: number): number {
  let low = 0;
  let high = 1;
  let p = (k + 1) / (n + 1);
  for (let step = 0; step < MAX_NEWTON_STEPS && high - low > BOUND_TOLERANCE * high; step++) {
    const tail = binomialCdf(k, n, p);
    const surplus = Math.log(tail) - target;
    if (surplus > 0) low = p;
    else high = p;
    // d P(X <= k) / dp = -n P(Bin(n - 1, p) = k)
    const next = p + (surplus * tail) / (n * binomialProbability(k, n - 1, p));
    const isInside = next > low && next < high;
    if (isInside && Math.abs(next - p) <= BOUND_TOLERANCE * p) return next;
    p = isInside ? next : (low + high) / 2;
  }
  return high;
}

/** I_x(a, b) with y = 1 - x given, so that neither end loses digits. */
function beta(x: number, y: number, a: number, b: number): number {
  if (x === 0) return 0;
  if (y === 0) return 1;
  const isLower = (a + 1) * y > (b + 1) * x;
  const value = betaFactor(x, y, a, b) / (isLower ? continuedFraction(x, y, a, b) : continuedFraction(y, x, b, a));
  return isLower ? value : 1 - Math.min(1, value);
}

/** x^a y^b / B(a, b) */
function betaFactor(x: number, y: number, a: number, b: number): number {
  const n = a + b;
  const exponent = stirlingError(n) - stirlingError(a) - stirlingError(b) - deviance(a, n * x) - deviance(b, n * y);
  return Math.sqrt(a * (b / n) * (0.5 / Math.PI)) * Math.exp(exponent);
}

/** ln Gamma(x) - [(x - 1/2) ln x - x + ln(2 pi) / 2] */
function stirlingError(x: number): number {
  if (x >= STIRLING_FROM) return stirlingSeries(x);
  return logGamma(x) - ((x - 0.5) * Math.log(x) - x + HALF_LOG_TWO_PI);
}

function stirlingSeries(x: number): number {
  let sum = 0;
  for (let term = STIRLING.length - 1; term >= 0; term--) sum = sum / (x * x) + STIRLING[term];
  return sum / x;
}

/**
 * x^a y^b / B(a, b) / I_x(a, b), forwards by Lentz's method. This form of the fraction (the even part of the usual
 * one, as in Didonato & Morris, ACM TOMS 708, 1992) takes y as it is, so that an x close to 1 loses no digits.
 */
function continuedFraction(x: number, y: number, a: number, b: number): number {
  const balance = a * y - b * x + 1;
  let fraction = kept((a * balance) / (a + 1));
  let numerator = fraction;
  let denominator = 0;
  for (let m = 1; m <= MAX_TERMS; m++) {
    const twice = a + 2 * m;
    const share = (m * (b - m) * x) / (twice - 1);
    const over = ((a + m - 1) / (twice - 1)) * (a + b + m - 1) * share * x;
    const under = m + share + ((a + m) / (twice + 1)) * (balance + m * (1 + y));
    denominator = 1 / kept(under + over * denominator);
    numerator = kept(under + over / numerator);
    const factor = denominator * numerator;
    fraction *= factor;
    if (Math.abs(factor - 1) <= TERM_TOLERANCE) break;
  }
  return fraction;
}

/** Lentz's method divides by every partial denominator: none may be zero. */
function kept(value: number): number {
  return Math.abs(value) < TINIEST ? TINIEST : value;
}

function checkTrials(k: number, n: number, p: number): void {
  if (!Number.isInteger(k)) throw new RangeError(`k: expected a whole number, got ${k}`);
  if (!Number.isInteger(n) || n < 0) throw new RangeError(`n: expected a whole number of at least 0, got ${n}`);
  checkProbability("p", p);
}

function checkProbability(name: string, value: number): void {
  if (!(value >= 0 && value <= 1)) throw new RangeError(`${name}: expected [0, 1], got ${value}`);
}
