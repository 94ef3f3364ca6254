import fc from "fast-check";

// Values and texts as nobody should send them, for the fuzz runs. Every run has the same seed, so that a failure can be repeated.

export const seed = 20_261_122;

const oddNames = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "metadata",
  "name",
  "labels",
  "spec",
  "containers",
  "$patch",
  "$retainKeys",
  "$setElementOrder/containers",
  "$deleteFromPrimitiveList/finalizers",
  "finalizers",
  "ports",
  "env",
  "",
  "0",
  "-",
  "length",
  "f:spec",
  ".",
  "a/b~c",
  "é\u0000",
];

export const fieldName = fc.oneof(fc.constantFrom(...oddNames), fc.string({ maxLength: 6 }));

const scalar = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 0, -0, 1, -1, 2 ** 31, 2 ** 53, 1e300, "", "merge", "replace", "delete"),
  fc.string({ maxLength: 12, unit: "binary" }),
  fieldName,
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

/** JSON with fields that mean something to a patch, to JavaScript, or to nobody. As JSON.parse would give it. */
export const hostileJson: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    scalar,
    fc.array(tie("value"), { maxLength: 5 }),
    fc.array(fc.tuple(fieldName, tie("value")), { maxLength: 5 }).map((fields) => fromEntries(fields)),
  ),
})).value;

export const hostileObject = fc
  .array(fc.tuple(fieldName, hostileJson), { maxLength: 6 })
  .map((fields) => fromEntries(fields));

/** As Object.fromEntries, which makes `__proto__` an ordinary field. */
function fromEntries(fields: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  return Object.fromEntries(fields) as Record<string, unknown>;
}

/** Bytes near to something valid: cut, repeated, changed in places. */
export function damaged(valid: Buffer): fc.Arbitrary<Buffer> {
  const change = fc.record({
    at: fc.nat(valid.length),
    kind: fc.constantFrom("cut", "set", "insert", "repeat"),
    byte: fc.integer({ min: 0, max: 255 }),
    count: fc.integer({ min: 1, max: 40 }),
  });
  return fc.array(change, { minLength: 1, maxLength: 6 }).map((changes) => {
    let bytes: Buffer = Buffer.from(valid);
    for (const { at, kind, byte, count } of changes) {
      const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
      if (kind === "cut") bytes = head;
      else if (kind === "set") bytes = Buffer.concat([head, Buffer.from([byte]), tail.subarray(1)]);
      else if (kind === "insert") bytes = Buffer.concat([head, Buffer.alloc(count, byte), tail]);
      else bytes = Buffer.concat([head, tail.subarray(0, count), tail]);
    }
    return bytes;
  });
}

/** Texts of the pieces of a small language, in any order. */
export function piecesOf(...pieces: string[]): fc.Arbitrary<string> {
  const piece = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...pieces) },
    fc.string({ maxLength: 3, unit: "binary" }),
  );
  return fc.array(piece, { maxLength: 30 }).map((all) => all.join(""));
}

/** What the prototypes have that a hostile value could add to: the same before and after. */
export function prototypeFields(): PropertyKey[][] {
  return [Object.prototype, Array.prototype, Function.prototype, String.prototype].map((prototype) =>
    Reflect.ownKeys(prototype),
  );
}
