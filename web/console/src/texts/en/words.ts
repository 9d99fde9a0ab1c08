// Numbers with their noun, for the English texts.
const numbers = new Intl.NumberFormat("en-GB");

/** "1 door", "2 doors". */
export const count = (value: number, one: string, many: string) => `${numbers.format(value)} ${value === 1 ? one : many}`;
