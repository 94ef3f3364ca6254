// Kubernetes resource quantities: `250m`, `1.5Gi`, `1e3`.

const factors: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

const quantityFormat = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/;

/** The text of Kubernetes' own parser for what is not a quantity. */
export const quantityErrorText =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/** Its value in base units (cores, bytes). @throws RangeError with Kubernetes' text when it is not a quantity. */
export function parseQuantity(quantity: string | number): number {
  const match = quantityFormat.exec(String(quantity));
  if (match === null) throw new RangeError(quantityErrorText);
  const [, number = "", exponent, suffix = ""] = match;
  // The exponent goes through Number so that 1e-3 is the same as 1m.
  return exponent === undefined ? Number(number) * (factors[suffix] ?? 1) : Number(number + exponent);
}

/** Whether it can be parsed. */
export function isQuantity(quantity: string | number): boolean {
  return quantityFormat.test(String(quantity));
}

/** Negative, zero or positive as `a` is less than, equal to or more than `b`. Both must be quantities. */
export function compareQuantities(a: string | number, b: string | number): number {
  return parseQuantity(a) - parseQuantity(b);
}
