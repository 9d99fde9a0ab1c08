/** The type of the texts of another language: the same keys, any text, and functions of the same values. */
export type Same<T> = T extends (...values: infer Values) => string
  ? (...values: Values) => string
  : T extends string
    ? string
    : { [Key in keyof T]: Same<T[Key]> };
