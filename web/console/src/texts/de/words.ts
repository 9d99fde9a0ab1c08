// Numbers with their noun, for the German texts.
const numbers = new Intl.NumberFormat("de-DE");

/** "1 Tür", "2 Türen". */
export const count = (value: number, one: string, many: string) => `${numbers.format(value)} ${value === 1 ? one : many}`;
